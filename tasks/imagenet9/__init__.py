"""The layout of the released ImageNet-9 data, read and written."""
