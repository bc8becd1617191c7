"""Objectives of many alike sites take few operations, and are what they are site by site."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.compile.draws import Counted, make_key
from pyro.infer import ELBO, Trace_ELBO, TraceGraph_ELBO
from pyro.infer.elbo import scoring, together
from pyro.infer.elbo.scoring import difference
from pyro.ops.stacking import Rows

Y = torch.linspace(-1.0, 2.0, 12)


def numbers() -> None:
    for k, y in enumerate(Y):
        x = pyro.sample(f"x_{k}", dist.Normal(0.0, 2.0))
        pyro.sample(f"y_{k}", dist.StudentT(4.0, x, 1.0), obs=y)


def pathwise() -> None:
    loc = pyro.param("loc", torch.linspace(0.0, 1.0, len(Y)))
    for k in range(len(Y)):
        pyro.sample(f"x_{k}", dist.Normal(loc[k], 0.5))


def coins() -> None:
    for k, y in enumerate(Y):
        x = pyro.sample(f"x_{k}", dist.Bernoulli(0.3))
        pyro.sample(f"y_{k}", dist.Normal(x, 1.0), obs=y)


def scored() -> None:
    odds = pyro.param("odds", torch.linspace(-1.0, 1.0, len(Y)))
    for k in range(len(Y)):
        pyro.sample(f"x_{k}", dist.Bernoulli(logits=odds[k]))


def batches() -> None:
    with pyro.plate("rows", 3, dim=-1):
        for k in range(len(Y)):
            x = pyro.sample(f"x_{k}", dist.Normal(0.0, 2.0))
            with pyro.poutine.scale(scale=0.5):
                pyro.sample(f"y_{k}", dist.Normal(x, 1.0), obs=Y[:3])


def batched() -> None:
    loc = pyro.param("loc", torch.zeros(len(Y), 3))
    with pyro.plate("rows", 3, dim=-1):
        for k in range(len(Y)):
            pyro.sample(f"x_{k}", dist.Normal(loc[k], 0.5))


def gradient(elbo: ELBO, model: Callable[[], None], guide: Callable[[], None]) -> list[Tensor]:
    """The loss, and the gradient of the one parameter."""
    pyro.clear_param_store()
    pyro.set_rng_seed(2)
    loss = elbo.loss_and_grads(model, guide)
    (leaf,) = (pyro.param(name).unconstrained() for name in pyro.get_param_store())
    return [torch.tensor(loss), leaf.grad]


@pytest.mark.parametrize("elbo", [Trace_ELBO, TraceGraph_ELBO])
@pytest.mark.parametrize(
    "model, guide",
    [(numbers, pathwise), (coins, scored), (batches, batched)],
    ids=["numbers", "coins", "batches"],
)
def test_the_same_as_site_by_site(
    elbo: type[ELBO],
    model: Callable[[], None],
    guide: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = gradient(elbo(), model, guide)
    monkeypatch.setattr(together, "LEAST", 1000)
    monkeypatch.setattr(scoring, "LEAST", 1000)
    torch.testing.assert_close(found, gradient(elbo(), model, guide))


def operations(n: int) -> int:
    """How many operations the gradient of a model of so many sites takes, its draws left out."""
    locs = torch.zeros(n).unbind()
    draws = torch.randn(n).unbind()

    def model() -> None:
        for k in range(n):
            pyro.sample(f"x_{k}", dist.Normal(locs[k], 2.0))

    def guide() -> None:
        for k in range(n):
            pyro.sample(f"x_{k}", dist.Delta(draws[k]))

    counted = Counted(make_key(0))
    with counted:
        Trace_ELBO().differentiable_loss(model, guide)
    return counted.work.operations


def test_alike_sites_take_few_operations() -> None:
    """Five for each: its statements, and its tensors on the way into stacks and out of them."""
    assert operations(100) - operations(50) <= 50 * 6


def test_differences() -> None:
    torch.manual_seed(0)
    stack = torch.randn(20, 3)
    rows = Rows()
    plus = [*rows.of(stack), *torch.randn(9, 2).unbind(), torch.randn(()), torch.randn(5000)]
    minus = [*torch.randn(9, 3).unbind(), *torch.randn(2, 7).unbind()]
    expected = sum(float(x.sum()) for x in plus) - sum(float(x.sum()) for x in minus)
    for known in (rows, None):
        assert difference(plus, minus, known).item() == pytest.approx(expected, rel=1e-4)
    assert difference([], []).item() == 0.0


def test_sums_keep_to_one_place() -> None:
    """Tensors elsewhere are added up among themselves."""
    there = [torch.zeros(2, device="meta") for _ in range(9)]
    kinds = scoring._added_up([*there, *torch.ones(9, 2).unbind()], None)
    assert sorted(total.device.type for total in kinds.values()) == ["cpu", "meta"]
