"""A cleaned evaluation set in the formats of others."""
