"""Everything between a person's answer and a label."""
