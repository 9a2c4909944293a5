"""The top-5 of models, and the candidate labels they give."""
