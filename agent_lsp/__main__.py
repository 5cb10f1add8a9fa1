"""`python -m agent_lsp` is the `agent-lsp` script."""

from agent_lsp.cli.main import main

if __name__ == "__main__":
    main()
