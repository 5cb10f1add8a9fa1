"""Provenance: whose words a file or a command's output holds."""
