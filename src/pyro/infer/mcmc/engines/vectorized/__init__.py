"""All chains as one batch of tensors."""
