"""Labelled images: found, checked, decoded."""
