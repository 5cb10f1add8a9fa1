"""`agent-lsp trust`: what a user trusts is shown, and asked about, in a terminal."""
