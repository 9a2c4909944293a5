"""Answers from Label Studio to votes, and how well each annotator answers."""
