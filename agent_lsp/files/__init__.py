"""The user's files: every path is resolved beneath a workspace folder, and only this room opens them."""
