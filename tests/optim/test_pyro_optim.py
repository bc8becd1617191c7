"""PyroOptim: arguments per parameter, clipping, cohorts, states, layouts."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch

from pyro import optim
from pyro.errors import CheckpointError, SiteError
from pyro.optim import PyroOptim
from pyro.params import PARAM_STORE


def param(name: str, value: torch.Tensor, grad: torch.Tensor | None = None) -> torch.Tensor:
    leaf = value.clone().requires_grad_()
    PARAM_STORE.adopt(name, leaf)
    leaf.grad = torch.ones_like(value) if grad is None else grad.clone()
    return leaf


def test_callable_arguments_see_normalized_names():
    a, b = param("m$$$a.w", torch.zeros(2)), param("b", torch.zeros(2))
    seen = []

    def by_name(name):
        seen.append(name)
        return {"lr": 1.0 if name == "b" else 0.5}

    optim.SGD(by_name)([a, b])
    assert seen == ["m.a.w", "b"] and a.tolist() == [-0.5] * 2 and b.tolist() == [-1.0] * 2

    def by_module(module, name):
        seen.append((module, name))
        return {"lr": 0.1}

    optim.SGD(by_module)([a, b])
    assert seen[2:] == [("m", "a.w"), ("b", "b")]
    with pytest.raises(SiteError, match=r"'b'.*must return a dict"):
        optim.SGD(lambda name: 0.1)([b])


def test_arguments_are_checked_in_every_group():
    a, b = param("a", torch.zeros(2)), param("b", torch.zeros(2))
    with pytest.raises(ValueError, match="learning rate"):
        optim.Adam(lambda name: {"lr": 0.1 if name == "a" else -1.0})([a, b])


@pytest.mark.parametrize(
    ("clip", "expected"),
    [
        ({"clip_norm": 1.0}, [[0.6, 0.8], [0.6, 0.8]]),
        ({"clip_value": 3.5}, [[3.0, 3.5], [3.5, 3.5]]),
        ({"global_clip_norm": 125**0.5}, [[3.0, 4.0], [6.0, 8.0]]),
        ({"global_clip_norm": 125**0.5 / 2}, [[1.5, 2.0], [3.0, 4.0]]),
        (lambda name: {"clip_norm": 1.0} if name == "a" else {}, [[0.6, 0.8], [6.0, 8.0]]),
    ],
)
def test_clipping(clip, expected):
    a = param("a", torch.zeros(2), torch.tensor([3.0, 4.0]))
    b = param("b", torch.zeros(2), torch.tensor([6.0, 8.0]))
    optim.SGD({"lr": 1.0}, clip)([a, b])
    assert torch.allclose(-torch.stack([a, b]), torch.tensor(expected), rtol=1e-4)


def test_unknown_clip_argument():
    with pytest.raises(SiteError, match="clip_nrom"):
        optim.SGD({"lr": 1.0}, {"clip_nrom": 1.0})([param("a", torch.zeros(2))])


def test_parameters_seen_together_share_an_optimizer():
    params = [param(str(i), torch.zeros(2)) for i in range(4)]
    optimizer = optim.Adam({"lr": 0.1})
    optimizer(params[:3])
    optimizer(params)
    first, *others = (optimizer.optim_objs[p] for p in params)
    assert others[0] is first and others[1] is first and others[2] is not first
    assert len(first.param_groups) == 1


@pytest.mark.parametrize("name", ["Adam", "AdamW", "SGD", "Adagrad", "ClippedAdam"])
@pytest.mark.parametrize("strided", ["param", "grad"])
def test_strided_tensors(name, strided):
    """Fused kernels ignore strides; whatever is strided must not reach them."""
    value, grad = torch.randn(3, 2), torch.randn(3, 2)
    twisted = {"param": value, "grad": grad}[strided].t().contiguous().t()
    results = []
    for v, g in [(value, grad), (twisted, grad) if strided == "param" else (value, twisted)]:
        p = v.detach().clone(memory_format=torch.preserve_format).requires_grad_()
        optimizer = getattr(optim, name)({"lr": 0.1})
        for _ in range(3):
            p.grad = g.clone(memory_format=torch.preserve_format)
            optimizer([p])
        results.append(p.detach())
    assert torch.allclose(*results, atol=1e-6)


def test_learning_rate_set_by_hand_counts():
    p = param("p", torch.zeros(1))
    optimizer = optim.Adam({"lr": 0.1})
    for _ in range(2):
        optimizer([p])
    before = p.item()
    optimizer.optim_objs[p].param_groups[0]["lr"] = 0.0
    optimizer([p])
    assert p.item() == before


def test_step_hooks_run():
    p = param("p", torch.zeros(1))
    optimizer = optim.Adam({"lr": 0.1})
    optimizer([p])
    calls = []
    optimizer.optim_objs[p].register_step_post_hook(lambda *_: calls.append(1))
    optimizer([p])
    assert calls == [1]


def test_state_by_name_and_lazily():
    p = param("p", torch.zeros(2))
    optimizer = optim.Adam({"lr": 0.1})
    optimizer([p])
    state = optimizer.get_state()
    assert list(state) == ["p"] and set(state["p"]) == {"state", "param_groups"}
    assert state["p"]["state"][0]["step"] == 1 and state["p"]["param_groups"][0]["params"] == [0]
    optimizer([p])
    assert state["p"]["state"][0]["step"] == 1  # a snapshot
    fresh = optim.Adam({"lr": 7.0})
    fresh.set_state(state)
    assert list(fresh.get_state()) == ["p"]
    fresh([p])
    assert fresh.get_state()["p"]["state"][0]["step"] == 2
    assert fresh.get_state()["p"]["param_groups"][0]["lr"] == 0.1
    assert pickle.loads(pickle.dumps(fresh)).get_state()["p"]["state"][0]["step"] == 2


def test_state_of_another_optimizer_is_refused(tmp_path):
    p = param("p", torch.zeros(2))
    sgd, adam = optim.SGD({"lr": 0.1}), optim.Adam({"lr": 0.1})
    sgd([p])
    adam.set_state(sgd.get_state())
    with pytest.raises(CheckpointError, match=r"'p'.*another kind"):
        adam([p])
    with pytest.raises(CheckpointError, match="'p'"):
        adam.set_state({"p": 3})
    PARAM_STORE.save(tmp_path / "store")
    with pytest.raises(CheckpointError, match=r"'pyro\.params' file"):
        sgd.load(tmp_path / "store")


def test_parameters_outside_of_the_store_have_names_of_their_own():
    a, b = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    a.grad, b.grad = torch.ones(1), torch.ones(1)
    optimizer = optim.Adam({"lr": 0.1})
    optimizer([a, b])
    assert len(optimizer.get_state()) == 2
    named = optim.Adam(lambda name: {"lr": {"a": 0.1, "b": 0.2}[name]})
    named({"a": a, "b": b})
    assert list(named.get_state()) == ["a", "b"]


class _Counting(torch.optim.SGD):
    """A foreign optimiser: it is not known where it keeps its arguments."""


_Counting.__module__ = "elsewhere"


def test_foreign_optimizer():
    a, b = param("a", torch.zeros(1)), param("b", torch.zeros(1))
    optimizer = PyroOptim(_Counting, lambda name: {"lr": 0.1 if name == "a" else 0.2})
    optimizer([a, b])
    assert (a.item(), b.item()) == pytest.approx((-0.1, -0.2))
    assert optimizer.optim_objs[a] is not optimizer.optim_objs[b]


def test_sparse_gradients():
    table = torch.nn.Embedding(5, 2, sparse=True)
    before = table.weight.detach().clone()
    table(torch.tensor([1, 3])).sum().backward()
    optim.SparseAdam({"lr": 0.1})([table.weight])
    changed = (table.weight != before).any(-1)
    assert changed.tolist() == [False, True, False, True, False]


def test_subsample_aware_dct_adam_leaves_unseen_elements():
    p = param("p", torch.zeros(2))
    optimizer = optim.DCTAdam({"lr": 1.0, "subsample_aware": True})
    for grad in ([0.5, 0.5], [0.0, 0.5]):
        p.grad = torch.tensor(grad)
        optimizer([p])
    assert p.tolist() == pytest.approx([-1.0, -2.0], abs=1e-4)


@pytest.mark.parametrize("given", ["text", 3])
def test_what_is_no_tensor_is_refused(given):
    with pytest.raises(SiteError, match="updates tensors"):
        optim.SGD({"lr": 0.1})([given])


def test_missing_scheduler_arguments():
    with pytest.raises(SiteError, match="optim_args"):
        optim.StepLR({"optimizer": torch.optim.SGD, "step_size": 1})


@pytest.mark.parametrize("size", [4, 5, 7, 8, 30, 100])
def test_dct_adam_moves_all_times_alike_under_a_constant_gradient(size: int) -> None:
    """Coefficients that are rounding noise get no steps of their own."""
    leaf = torch.zeros(size, requires_grad=True)
    optimizer = optim.DCTAdam({"lr": 0.1, "dct_dim": -1})
    for _ in range(20):
        leaf.grad = torch.ones(size)
        optimizer([leaf])
    assert leaf.detach().mean() < -1.0
    assert leaf.detach().std() < 1e-5


@pytest.mark.parametrize("kind", ["optim_args", "clip_args"])
def test_arguments_that_are_no_dict(kind: str) -> None:
    arguments: dict[str, Any] = {"optim_args": {"lr": 0.1}, kind: 0.1}
    with pytest.raises(ValueError, match=f"{kind} must be a dict or a callable"):
        optim.Adam(**arguments)
