"""The work: one module per table made. Nothing in here knows who schedules it."""
