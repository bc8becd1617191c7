"""A hidden Markov model, its states summed out by the forward algorithm."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt


def build(x: np.ndarray, centers: np.ndarray) -> pm.Model:
    states = len(centers)
    with pm.Model() as model:
        moves = pm.Dirichlet("moves", np.ones((states, states)) + 3 * np.eye(states))
        locs = centers + 0.5 * pm.Normal("shifts", 0.0, 1.0, shape=states)
        scale = pm.LogNormal("scale", 0.0, 0.5)
        log_moves = pt.log(moves)
        observed = pm.logp(pm.Normal.dist(locs, scale), x[:, None])

        def forward(
            seen: pt.TensorVariable, alpha: pt.TensorVariable, log_moves: pt.TensorVariable
        ) -> pt.TensorVariable:
            return pt.logsumexp(alpha[:, None] + log_moves, axis=0) + seen

        alpha = pytensor.scan(
            forward,
            sequences=[observed[1:]],
            outputs_info=[log_moves[0] + observed[0]],
            non_sequences=[log_moves],
            strict=True,
            return_updates=False,
        )
        pm.Potential("x", pt.logsumexp(alpha[-1]))
    return model
