"""From a program that repeats itself to arrays and loops over its steps."""

from pyro.compile.roll.roll import rolled

__all__ = ["rolled"]
