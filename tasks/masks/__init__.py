"""Foreground masks: made from boxes, supplied, or predicted by a network."""
