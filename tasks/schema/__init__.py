"""Every table, its columns, types, units and keys."""
