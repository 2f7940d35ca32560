"""Scripts that make and measure models; run them from a clone, e.g. ``python -m training.train``."""
