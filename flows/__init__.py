"""What runs, and when: the command line, the Prefect flows, the settings."""
