"""What inference needs to know of a model: its latents, where to start, and its density."""
