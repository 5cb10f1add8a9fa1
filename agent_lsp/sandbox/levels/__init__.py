"""The sandbox levels: each way to confine a command on this machine."""
