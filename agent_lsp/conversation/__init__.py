"""What was said: the values that several rooms exchange. Imports nothing of ours."""
