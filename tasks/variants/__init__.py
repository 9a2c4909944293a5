"""The background variants of ImageNet-9."""
