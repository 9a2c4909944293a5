"""Rounds of questions: which are asked, of whom, in which project."""
