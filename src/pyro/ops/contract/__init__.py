"""Contraction of plated factor graphs by variable elimination."""

from pyro.ops.contract.assign import Assignment, draw, maximize
from pyro.ops.contract.chain import find_chain, loops_are_cheap, sum_chain
from pyro.ops.contract.errors import IntractableError
from pyro.ops.contract.execute import execute
from pyro.ops.contract.plan import FactorSpec, Plan, Variable, make_plan
from pyro.ops.contract.plated_einsum import contract_tensors, einsum
from pyro.ops.contract.semiring import LogSumExp, MaxSum, Semiring, SumProduct

__all__ = [
    "Assignment",
    "FactorSpec",
    "IntractableError",
    "LogSumExp",
    "MaxSum",
    "Plan",
    "Semiring",
    "SumProduct",
    "Variable",
    "contract_tensors",
    "draw",
    "einsum",
    "execute",
    "find_chain",
    "loops_are_cheap",
    "make_plan",
    "maximize",
    "sum_chain",
]
