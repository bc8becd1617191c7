"""The density by a covariance is the density by its factor, with all derivatives."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.func import grad, hessian, jacfwd, vmap

from pyro import distributions as dist
from pyro.compile import compile as compile_function

N = 4
POINT = torch.tensor([0.3, -0.7], dtype=torch.float64)
_DRAWS = torch.randn(7, N, N, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
FIXED = _DRAWS[0] @ _DRAWS[0].mT + torch.eye(N, dtype=torch.float64)
LOC = torch.arange(float(N), dtype=torch.float64)

# rows of the mean and of the value, and the batch shape that it is expanded to
SHAPES: dict[str, tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...] | None]] = {
    "one": ((), (), None),
    "many": ((), (5,), None),
    "means": ((3,), (2, 3), None),
    "expanded": ((), (2, 3), (3,)),
    "broadcast": ((3, 1), (1, 2), None),
    "none": ((), (0,), None),
}


def density(by: str, shape: str) -> Callable[[Tensor], Tensor]:
    """The sum of weighted densities, as a function of two numbers."""
    lead, rows, batch = SHAPES[shape]
    value = torch.linspace(-1, 2, 2 * 3 * 5 * N, dtype=torch.float64)
    value = value[: torch.Size(rows).numel() * N].reshape(*rows, N)

    def run(k: Tensor) -> Tensor:
        matrix = FIXED * k[0].exp() + k[1].exp() * torch.eye(N, dtype=k.dtype)
        given = matrix if by == "covariance_matrix" else torch.linalg.cholesky(matrix)
        loc = (LOC * k[1]).expand(*lead, N)
        d = dist.MultivariateNormal(loc, **{by: given}, validate_args=False)
        found = (d if batch is None else d.expand(batch)).log_prob(value * k[0])
        return (found * torch.linspace(1, 2, found.numel()).reshape(found.shape)).sum()

    return run


def by_hand(f: Callable[[Tensor], Tensor], order: int) -> Tensor:
    """Derivatives by reverse mode upon reverse mode."""
    k = POINT.clone().requires_grad_()
    found = f(k)
    for _ in range(order):
        (found,) = torch.autograd.grad(found.square().sum(), k, create_graph=True)
    return found.detach()


MANY = POINT + torch.linspace(0, 1, 6, dtype=torch.float64).reshape(3, 2)
DERIVATIVES: dict[str, Callable[[Callable[[Tensor], Tensor]], Tensor]] = {
    "value": lambda f: f(POINT),
    "first": lambda f: by_hand(f, 1),
    "second": lambda f: by_hand(f, 2),
    "third": lambda f: by_hand(f, 3),
    "grad": lambda f: grad(f)(POINT),
    "hessian": lambda f: hessian(f)(POINT),
    "forward": lambda f: jacfwd(f)(POINT),
    "forward twice": lambda f: jacfwd(jacfwd(f))(POINT),
    "vectorised": lambda f: vmap(grad(f))(MANY),
}


@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")  # of torch's own
@pytest.mark.parametrize("derivative", DERIVATIVES)
@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_the_density_by_the_factor(shape: str, derivative: str) -> None:
    found = DERIVATIVES[derivative](density("covariance_matrix", shape))
    expected = DERIVATIVES[derivative](density("scale_tril", shape))
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("shape", ["one", "many", "means"])
def test_the_compiled_gradient_factors_once(shape: str) -> None:
    f = density("covariance_matrix", shape)

    def gradient(k: Tensor) -> Tensor:
        k = k.detach().requires_grad_()
        return torch.autograd.grad(f(k), k)[0]

    compiled = compile_function(gradient)
    torch.testing.assert_close(compiled(POINT), gradient(POINT), rtol=1e-10, atol=1e-10)
    assert compiled.reason is None and compiled.report().called_out == ()
    code = compiled.explain()
    assert code.count("cholesky(") == 1 and code.count("cholesky_inverse(") == 1
    assert code.count("solve_triangular(") == 2


def test_single_precision_and_errors_are_as_before() -> None:
    d = dist.MultivariateNormal(torch.zeros(2), torch.eye(2), validate_args=True)
    assert d.log_prob(torch.ones(2)).dtype is torch.float32
    with pytest.raises(ValueError, match="support"):
        d.log_prob(torch.tensor([float("nan"), 0.0]))
    assert d.expand((3,)).log_prob(torch.ones(2)).shape == (3,)
    assert d.expand((0,)).log_prob(torch.ones(2)).shape == (0,)
