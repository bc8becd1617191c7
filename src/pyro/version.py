"""The version: the API level that is implemented, then the release of this implementation."""

from __future__ import annotations

__version__ = "1.9.1+native.0.1.0"
