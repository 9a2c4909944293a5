"""Where and how a step runs: on this machine, in Prefect, on Ray."""
