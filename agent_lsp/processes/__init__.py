"""Every process that the daemon starts: in a group of its own, with a listed environment, ended with us."""
