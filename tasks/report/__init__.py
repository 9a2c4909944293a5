"""One HTML page of what was measured."""
