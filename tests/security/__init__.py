"""Published failures of coding agents, each held against this one and against an executor that trusts."""
