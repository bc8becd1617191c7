"""From tensor programs to machine code."""
