"""Re-grounds image-classification benchmarks; see the README."""
