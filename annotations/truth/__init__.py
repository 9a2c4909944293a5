"""Votes to labels with confidence."""
