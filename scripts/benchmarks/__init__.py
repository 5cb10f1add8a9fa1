"""What the daemon costs by itself, beside the least that Python can do: a mock model, a floor, a light client."""
