"""Ray: the same steps on the workers of a cluster, or of this machine."""
