"""Search and listing, with unsaved buffers on top of the disk."""
