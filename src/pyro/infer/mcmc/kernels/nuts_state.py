"""The no-U-turn sampler's chains in the middle of their trajectories."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

DIVERGENCE = 1000.0
"""A trajectory whose energy has grown by more than this has diverged."""

LOG_HALF = -0.6931471805599453

# The native library has the numbers below as well (native/trees.cpp).
HEAD, MOTION, TAIL, JOINT, CANDIDATE, PROPOSAL = (
    slice(0, 3),
    slice(2, 4),
    slice(4, 7),
    slice(7, 9),
    slice(9, 11),
    slice(11, 13),
)
MOMENTUM, SUM, TAIL_MOMENTUM, INNER, TOTAL, SLOTS = 2, 3, 6, 7, 8, 13
"""Slots of the vectors."""

LP, ENERGY, SUB_LP, SUB_ENERGY, WEIGHT, SUB_WEIGHT = range(6)
STEP, ENERGY_0, ACCEPT, SLICE, SIZE, DEPTH, LEAF, STEPS, DIVERGED = range(6, 15)
NUMBERS = 15
"""Rows of the numbers."""

LEAF_UNIFORM, TREE_UNIFORM, DIRECTION, SLICE_UNIFORM = range(4)
KINDS = 4
"""Kinds of random numbers: for the point drawn from a subtree and from a trajectory, for the
direction of the next subtree, and for a slice."""


class NutsState(NamedTuple):
    """Chains in the middle of their trajectories; a step reuses the memory of its state.

    A trajectory has a head, which moves, and a tail. Leaves of the subtree that is being added are
    numbered from zero, as the head reaches them.

    :param vectors: Of shape ``(13, chains, dim)``. Head: position, gradient, momentum, and the sum
        of the momenta of the subtree; tail: position, gradient, momentum; the momentum where the
        subtree was begun, and the sum of the momenta of the trajectory before it; position and
        gradient of the point drawn from the subtree, and of that drawn before.
    :param numbers: Energies, weights, log densities and counts, ``(15, chains)``, in double
        precision.
    :param firsts: Momentum, and sum of the momenta before, of leaves that begin an incomplete part
        of the subtree, by the number of ones in the leaf's number, ``(2, depth, chains, dim)``.
    :param ends: Momentum of leaves that end the left half of such a part, by the number of ones at
        the end of the leaf's number, ``(depth, chains, dim)``.
    :param ended: Whose trajectories have ended, ``(chains,)``; the next step begins new ones.
    """

    vectors: Tensor
    numbers: Tensor
    firsts: Tensor
    ends: Tensor
    ended: Tensor
