"""Label Studio: its client, its data on disk, its server."""
