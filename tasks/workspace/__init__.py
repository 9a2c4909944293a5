"""The workspace: tables, manifest, locks and what a step is."""
