"""Arithmetic on arrays: no I/O, no clock, no global random state."""
