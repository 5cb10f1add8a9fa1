"""Every tool that a model is offered."""

from agent_lsp.tools.change import delete_file, edit_file, move_file, write_file
from agent_lsp.tools.code import run_code
from agent_lsp.tools.read import list_files, read_file
from agent_lsp.tools.search import search
from agent_lsp.tools.shell import run_command
from agent_lsp.tools.web import web_fetch, web_search

TOOLS = (
    read_file,
    list_files,
    search,
    write_file,
    edit_file,
    delete_file,
    move_file,
    run_command,
    run_code,
    web_fetch,
    web_search,
)
