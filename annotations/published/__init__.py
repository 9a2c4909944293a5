"""Votes that others have published."""
