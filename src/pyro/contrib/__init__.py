"""Islands: packages that build on everything and that nothing builds on."""

__all__ = []
