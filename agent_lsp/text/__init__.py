"""Texts: edits, diffs and merges, as pure functions."""
