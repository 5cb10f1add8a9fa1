"""Commands: what a command sees of the workspace, its run in the sandbox, and what it left behind."""
