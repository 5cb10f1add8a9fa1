"""Undo: copies of files taken before a change, and the way back to them."""
