"""Backends: a packed batch in, logits out. They know nothing of issues or text."""
