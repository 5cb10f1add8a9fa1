"""The journal: the durable store of conversations and of what they cost. The only room that knows SQL."""
