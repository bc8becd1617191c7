"""What the compiler did with a function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

SAID = {"memory": ", used again", "file": ", from a file", "nowhere": ""}


@dataclass(frozen=True)
class Report:
    """How a function became machine code; printing it gives a table.

    :param operations: operations of torch that were recorded.
    :param nodes: nodes of the graph after simplification.
    :param loops: loop nests that were written.
    :param called_out: operations that torch executes in the middle of the code.
    :param guards: branches of libraries on values; the code holds those that capture saw.
    :param fallbacks: calls so far in which a branch was another one, and the program itself ran.
    :param held: the type of arrays of real numbers in memory, if they are large.
    :param constant_bytes: memory of the constants.
    :param scratch_bytes: scratch memory of a call.
    :param code_bytes: size of the machine code.
    :param origin: where code for a program of the same structure was: in ``memory``, in a
        ``file`` of an earlier process, or ``nowhere``.
    :param seconds: how long each stage took.
    """

    operations: int
    nodes: int
    loops: int
    called_out: tuple[str, ...]
    guards: int
    fallbacks: int
    held: torch.dtype
    constant_bytes: int
    scratch_bytes: int
    code_bytes: int
    origin: str
    seconds: Mapping[str, float]

    @property
    def reused(self) -> bool:
        """Whether the code is that of an earlier program."""
        return self.origin != "nowhere"

    def __str__(self) -> str:
        lines = [
            f"recorded    {self.operations} operations",
            f"simplified  {self.nodes} nodes",
            f"fused       {self.loops} loop nests",
            f"called out  {', '.join(self.called_out) or 'nothing'}",
            f"guards      {self.guards} ({self.fallbacks} calls of the program itself)",
            f"held in     {str(self.held).removeprefix('torch.')}",
            f"constants   {self.constant_bytes} bytes",
            f"scratch     {self.scratch_bytes} bytes",
            f"code        {self.code_bytes} bytes{SAID[self.origin]}",
        ]
        lines += [f"{name:<12}{1e3 * s:.1f} ms" for name, s in self.seconds.items()]
        return "\n".join(lines)
