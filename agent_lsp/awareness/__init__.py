"""Awareness: what the model has read of each file, and what changed since."""
