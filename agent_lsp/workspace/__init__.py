"""Where it acts: the only room that touches the user's files."""
