"""The table of transforms that the laws are checked on: a new transform costs one row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

import pyro.distributions as dist
import pyro.distributions.transforms as T

CONTEXT_DIM = 2


@dataclass(frozen=True)
class Case:
    """One transform.

    ``make`` builds it, or a conditional transform; ``shape`` is that of the last dimensions
    of an input, of which those of an event are a part. ``coordinates`` picks the free entries of
    an event and its image, where there are fewer than entries. ``onto`` says that every real value
    has an inverse.
    """

    id: str
    make: Callable[[], Any]
    shape: tuple[int, ...] = (3,)
    conditional: bool = False
    coordinates: tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]] | None = None
    lift: Callable[[Tensor], Tensor] | None = None
    onto: bool = True
    spread: float = 1.0

    def build(self, dtype: torch.dtype = torch.float64) -> Any:
        """The transform or conditional transform, its parameters drawn with a fixed seed."""
        torch.manual_seed(1)
        made = self.make()
        if isinstance(made, torch.nn.Module):
            made = made.to(dtype)
            if hasattr(made, "eval") and "batchnorm" in self.id:
                made.eval()
        return made

    def at(self, made: Any, batch: tuple[int, ...], dtype: torch.dtype = torch.float64) -> Any:
        """The transform itself, conditioned on a batch of contexts where it is conditional."""
        return made.condition(context(batch, dtype)) if self.conditional else made

    def draw(self, t: Any, batch: tuple[int, ...], dtype: torch.dtype = torch.float64) -> Tensor:
        """Inputs of shape ``batch + shape``, within the domain."""
        generator = torch.Generator().manual_seed(2)
        u = torch.randn(batch + self.shape, generator=generator, dtype=dtype) * self.spread
        return dist.biject_to(t.domain)(u)


def context(batch: tuple[int, ...], dtype: torch.dtype = torch.float64) -> Tensor:
    """A context for each entry of the batch."""
    generator = torch.Generator().manual_seed(3)
    return torch.randn((*batch, CONTEXT_DIM), generator=generator, dtype=dtype)


def _c(id: str, make: Callable[[], Any], shape: tuple[int, ...] = (3,), **kwargs: Any) -> Case:
    return Case(id, make, shape, **kwargs)


def _trained_batchnorm() -> Any:
    norm = T.batchnorm(3)
    norm.inv(torch.randn(20, 3) * 2 + 1)
    return norm


def _affine() -> Any:
    tril = torch.tensor([[1.0, 0, 0], [0.5, 2.0, 0], [-1.0, 0.3, 0.5]], dtype=torch.float64)
    return T.LowerCholeskyAffine(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64), tril)


_SIMPLEX = (lambda x: x[..., :-1], lambda y: y)


def _complete(x: Tensor) -> Tensor:
    return torch.cat([x, 1 - x.sum(-1, keepdim=True)], -1)


PLAIN = [
    _c("elu", T.elu),
    _c("leaky_relu", T.leaky_relu),
    _c("tanh", T.TanhTransform),
    _c("softplus", T.SoftplusTransform),
    _c("positive_power", lambda: T.PositivePowerTransform(1.7)),
    _c("positive_power_root", lambda: T.PositivePowerTransform(0.5)),
    _c("ordered", T.OrderedTransform),
    _c("simplex_to_ordered", T.SimplexToOrderedTransform, coordinates=_SIMPLEX, lift=_complete),
    _c(
        "sum_to_zero",
        T.SumToZeroTransform,
        coordinates=(lambda x: x, lambda y: torch.cat([y[..., :1] * 2, y[..., 1:-1]], -1)),
    ),
    _c("permute", lambda: T.permute(3)),
    _c("permute_dim", lambda: T.permute((3, 2), dim=-2), (3, 2)),
    _c("lower_cholesky_affine", _affine),
    _c("dct", T.DiscreteCosineTransform, (5,)),
    _c("dct_even", lambda: T.DiscreteCosineTransform(smooth=1.0), (4,)),
    _c("dct_dim", lambda: T.DiscreteCosineTransform(dim=-2, smooth=-0.5), (3, 2)),
    _c("haar", T.HaarTransform, (5,)),
    _c("haar_flip", lambda: T.HaarTransform(dim=-2, flip=True), (3, 2)),
]

FLOWS = [
    _c("affine_autoregressive", lambda: T.affine_autoregressive(3)),
    _c("affine_autoregressive_stable", lambda: T.affine_autoregressive(3, stable=True)),
    _c("affine_coupling", lambda: T.affine_coupling(3)),
    _c("affine_coupling_dim", lambda: T.affine_coupling((3, 2), dim=-2), (3, 2)),
    _c("batchnorm", _trained_batchnorm),
    _c("block_autoregressive", lambda: T.block_autoregressive(3), onto=False),
    _c(
        "block_elu",
        lambda: T.block_autoregressive(3, hidden_factors=[4], activation="ELU"),
        onto=False,
    ),
    _c(
        "block_leaky",
        lambda: T.block_autoregressive(3, hidden_factors=[4], activation="leaky_relu"),
    ),
    _c(
        "block_sigmoid",
        lambda: T.block_autoregressive(3, hidden_factors=[4], activation="sigmoid"),
        onto=False,
    ),
    _c("block_normal", lambda: T.block_autoregressive(3, hidden_factors=[4], residual="normal")),
    _c("block_gated", lambda: T.block_autoregressive(3, hidden_factors=[4], residual="gated")),
    _c("generalized_channel_permute", lambda: T.generalized_channel_permute(), (3, 2, 2)),
    _c("householder", lambda: T.householder(3)),
    _c("matrix_exponential", lambda: T.matrix_exponential(3)),
    _c("matrix_weight", lambda: T.matrix_exponential(3, normalization="weight", bound=0.5)),
    _c("matrix_spectral", lambda: T.matrix_exponential(3, normalization="spectral", bound=0.5)),
    _c("neural_autoregressive", lambda: T.neural_autoregressive(3)),
    _c("neural_tanh", lambda: T.neural_autoregressive(3, activation="tanh")),
    _c("neural_elu", lambda: T.neural_autoregressive(3, activation="ELU")),
    _c("planar", lambda: T.planar(3)),
    _c("polynomial", lambda: T.polynomial(3), spread=0.7),
    _c("radial", lambda: T.radial(3)),
    _c("spline", lambda: T.spline(3), spread=2.0),
    _c("spline_quadratic", lambda: T.spline(3, order="quadratic"), spread=2.0),
    _c("spline_autoregressive", lambda: T.spline_autoregressive(3)),
    _c("spline_autoregressive_q", lambda: T.spline_autoregressive(3, order="quadratic")),
    _c("spline_coupling", lambda: T.spline_coupling(3)),
    _c("spline_coupling_q", lambda: T.spline_coupling(3, order="quadratic", identity=True)),
    _c("sylvester", lambda: T.sylvester(3)),
    _c("iterated", lambda: T.iterated(2, T.planar, 3)),
    _c(
        "composed",
        lambda: T.ComposeTransformModule(
            [T.radial(3), T.Permute(torch.tensor([2, 0, 1])), T.spline(3)]
        ),
    ),
]

CONDITIONAL = [
    Case(f"conditional_{name}", make, shape, conditional=True)
    for name, make, shape in [
        ("affine_autoregressive", lambda: T.conditional_affine_autoregressive(3, 2), (3,)),
        ("affine_coupling", lambda: T.conditional_affine_coupling(3, 2), (3,)),
        (
            "affine_coupling_dim",
            lambda: T.conditional_affine_coupling((3, 2), 2, dim=-2),
            (3, 2),
        ),
        (
            "generalized_channel_permute",
            lambda: T.conditional_generalized_channel_permute(2),
            (3, 2, 2),
        ),
        ("householder", lambda: T.conditional_householder(3, 2, count_transforms=2), (3,)),
        ("matrix_exponential", lambda: T.conditional_matrix_exponential(3, 2), (3,)),
        ("neural_autoregressive", lambda: T.conditional_neural_autoregressive(3, 2), (3,)),
        ("planar", lambda: T.conditional_planar(3, 2), (3,)),
        ("radial", lambda: T.conditional_radial(3, 2), (3,)),
        ("spline", lambda: T.conditional_spline(3, 2), (3,)),
        ("spline_quadratic", lambda: T.conditional_spline(3, 2, order="quadratic"), (3,)),
        ("spline_autoregressive", lambda: T.conditional_spline_autoregressive(3, 2), (3,)),
        ("iterated", lambda: T.iterated(2, T.conditional_planar, 3, 2), (3,)),
    ]
]

CASES = [*PLAIN, *FLOWS, *CONDITIONAL]
