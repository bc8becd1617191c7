"""Time of a transform, its ``log_abs_det_jacobian`` and the gradient, on 10^4 elements.

One evaluation maps one input, takes the log determinant at it, and the gradient of the mean of
both with respect to the input and to all parameters of the transform. Flows have their default
networks; a conditional flow is conditioned anew on a context for each event. What a library does
not have is left out there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from harness.draws import correlation, positive, positive_definite, real, simplex, tril
from harness.gradients import Scored, report_scores
from harness.timing import THREADS
from torch import Tensor

import pyro
import pyro.distributions.transforms as T

torch.set_num_threads(THREADS)

N = 10_000
K = 10  # entries of a vector
B = N // K
M = N // K**2  # matrices
ROWS: dict[str, Scored | None] = {}


def drawn(make: Callable[[], Any]) -> tuple[Any, list[Tensor]]:
    """A transform and its parameters, whose values follow from their names and shapes alone."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = make()
        torch.manual_seed(0)
        named = dict(made.named_parameters()) if isinstance(made, torch.nn.Module) else {}
        for name in sorted(named):
            torch.nn.init.uniform_(named[name], -0.1, 0.1)
    return made, list(named.values())


def row(case: str, x: Tensor, *args: Any, context: Tensor | None = None, **kwargs: Any) -> None:
    """A case: the transform that its first word makes of the arguments maps ``x``."""
    make: Callable[..., Any] | None = getattr(T, case.split()[0], None)
    if make is None:
        ROWS[case] = None
        return
    made, parameters = drawn(lambda: make(*args, **kwargs))
    given = [t for t in args if isinstance(t, Tensor) and t.requires_grad]

    def score() -> Tensor:
        fresh = x.view_as(x)  # an input that no cache knows
        transform = make(*args, **kwargs) if given else made
        if context is not None:
            transform = transform.condition(context)
        y = transform(fresh)
        determinant = transform.log_abs_det_jacobian(fresh, y)
        return determinant.mean() + y.mean()  # type: ignore[no-any-return]

    ROWS[case] = Scored(score, [x, *parameters, *given])


pyro.set_rng_seed(0)
CONTEXT = real(B, 2)

# ---------------------------------------------------------------- without networks

row("ELUTransform", real(N))
row("LeakyReLUTransform", real(N))
row("TanhTransform", real(N))
row("SoftplusTransform", real(N))
row("ExpTransform", real(N))
row("SigmoidTransform", real(N))
row("AffineTransform", real(N), real(N), positive(N))
row("PowerTransform", positive(N), positive(N))
row("PositivePowerTransform", real(N), torch.tensor(1.5))
row("OrderedTransform", real(B, K))
row("SimplexToOrderedTransform", simplex(B, K), torch.tensor(0.0))
row("StickBreakingTransform", real(B, K))
row("Permute", real(B, K), torch.randperm(K))
row("LowerCholeskyAffine", real(B, K), real(K), tril(K, K))
row("DiscreteCosineTransform", real(B, K))
row("DiscreteCosineTransform smooth", real(B, K), smooth=1.0)
row("HaarTransform", real(B, K))
row("CholeskyTransform", positive_definite(M, K, K))
row("CorrCholeskyTransform", real(N // 45, 45))
row("CorrLCholeskyTransform", real(N // 45, 45))
row("CorrMatrixCholeskyTransform", correlation(M, K, K))

# ---------------------------------------------------------------- flows

row("affine_autoregressive", real(B, K), K)
row("affine_autoregressive stable", real(B, K), K, stable=True)
row("affine_coupling", real(B, K), K)
row("batchnorm", real(B, K), K)
row("block_autoregressive", real(B, K), K)
row("block_autoregressive gated", real(B, K), K, residual="gated")
row("elu", real(N))
row("generalized_channel_permute", real(M, 4, 5, 5), channels=4)
row("householder", real(B, K), K, 4)
row("leaky_relu", real(N))
row("matrix_exponential", real(B, K), K)
row("neural_autoregressive", real(B, K), K)
row("permute", real(B, K), K)
row("planar", real(B, K), K)
row("polynomial", real(B, K), K)
row("radial", real(B, K), K)
row("spline linear", real(B, K), K)
row("spline quadratic", real(B, K), K, order="quadratic")
row("spline_autoregressive", real(B, K), K)
row("spline_coupling", real(B, K), K)
row("sylvester", real(B, K), K)

# ---------------------------------------------------------------- conditional flows

row("conditional_affine_autoregressive", real(B, K), K, 2, context=CONTEXT)
row("conditional_affine_coupling", real(B, K), K, 2, context=CONTEXT)
row("conditional_generalized_channel_permute", real(M, 4, 5, 5), 2, channels=4, context=real(2))
row("conditional_householder", real(B, K), K, 2, context=CONTEXT)
row("conditional_matrix_exponential", real(B, K), K, 2, context=CONTEXT)
row("conditional_neural_autoregressive", real(B, K), K, 2, context=CONTEXT)
row("conditional_planar", real(B, K), K, 2, context=CONTEXT)
row("conditional_radial", real(B, K), K, 2, context=CONTEXT)
row("conditional_spline", real(B, K), K, 2, context=CONTEXT)
row("conditional_spline_autoregressive", real(B, K), K, 2, context=CONTEXT)


if __name__ == "__main__":
    report_scores(ROWS, pyro.__version__)
