"""Which backgrounds fool a model on which foregrounds."""
