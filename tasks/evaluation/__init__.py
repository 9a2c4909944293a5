"""Accuracy of models on original labels, on people's labels and on variants."""
