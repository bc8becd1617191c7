"""Normalizing flows: transforms with parameters that are learnt, one kind per file."""
