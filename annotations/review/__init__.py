"""Reviews: push questions, pull answers, status."""
