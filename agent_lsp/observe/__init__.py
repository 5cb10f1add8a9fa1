"""How it is seen: the log."""
