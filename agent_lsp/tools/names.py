"""The names that users' rules may have: those of the tools, and of the model server of this machine."""

NAMES = (
    "read_file",
    "list_files",
    "search",
    "write_file",
    "edit_file",
    "delete_file",
    "move_file",
    "run_command",
    "run_code",
    "web_fetch",
    "web_search",
    "model_server",
)
