"""Guides written by hand, with help for the parts that are always the same."""

from pyro.contrib.easyguide.easyguide import EasyGuide, Group, easy_guide

__all__ = ["EasyGuide", "Group", "easy_guide"]
