"""Makes the files of the checkout that are derived from code."""
