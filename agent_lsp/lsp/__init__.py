"""The front door for editors."""
