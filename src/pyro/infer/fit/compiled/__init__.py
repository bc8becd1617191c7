"""Steps in machine code."""
