"""A daemon that gives any LSP editor a trustworthy coding agent."""

__version__ = "0.1.0"

NAME = "agent-lsp"
PROTOCOL = 1
"""The version of the public contract (agent_lsp/contract, docs/protocol.md) that this daemon speaks."""
