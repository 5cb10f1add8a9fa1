"""Settings: each is one row; everything else is derived from it."""
