"""The guard of protected names: held while a command runs, checked and restored after it."""
