"""The daemon's composition: builds every room from the settings, and offers one facade to all doors."""
