"""From a run of a program to a graph."""

from pyro.compile.capture.recorder import Recorder, record, record_step

__all__ = ["Recorder", "record", "record_step"]
