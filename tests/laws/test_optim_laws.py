"""Laws of every optimiser and schedule: torch's own trajectory, exact resumption, descent."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.optim import lr_scheduler

from pyro import optim
from pyro.optim.adagrad_rmsprop import AdagradRMSProp
from pyro.optim.clipped_adam import ClippedAdam
from pyro.optim.dct_adam import DCTAdam
from pyro.params import PARAM_STORE

TORCH = {
    "ASGD": {"lr": 0.05},
    "Adadelta": {"lr": 5.0},
    "Adafactor": {"lr": 0.05},
    "Adagrad": {"lr": 0.2},
    "Adam": {"lr": 0.05, "weight_decay": 0.01},
    "AdamW": {"lr": 0.05},
    "Adamax": {"lr": 0.05},
    "Muon": {"lr": 0.05, "weight_decay": 0.0},
    "NAdam": {"lr": 0.05},
    "RAdam": {"lr": 0.1},
    "RMSprop": {"lr": 0.05, "momentum": 0.1},
    "Rprop": {"lr": 0.05},
    "SGD": {"lr": 0.05, "momentum": 0.5},
}
OURS = {
    "ClippedAdam": (ClippedAdam, {"lr": 0.1, "clip_norm": 0.5, "lrd": 0.999}),
    "AdagradRMSProp": (AdagradRMSProp, {"eta": 0.2}),
    "DCTAdam": (DCTAdam, {"lr": 0.05, "dct_dim": -1}),
}
CASES = {name: (getattr(torch.optim, name), args) for name, args in TORCH.items()} | OURS


def make_params(n: int = 10) -> list[torch.Tensor]:
    return [torch.randn(3, 2, dtype=torch.double).requires_grad_() for _ in range(n)]


def copies(params):
    return [p.detach().clone().requires_grad_() for p in params]


def fill(params) -> None:
    """The gradient of sum(x^2) with a little curvature."""
    for i, p in enumerate(params):
        p.grad = (2.0 * p + 0.1 * p.sin() * i).detach()


def test_every_torch_optimizer_has_a_case():
    offered = {
        name
        for name, value in vars(torch.optim).items()
        if isinstance(value, type) and issubclass(value, torch.optim.Optimizer)
    }
    assert offered - {"Optimizer", "LBFGS", "SparseAdam"} == set(TORCH)
    assert offered - {"Optimizer", "LBFGS"} <= set(optim.__all__)


@pytest.mark.parametrize("name", sorted(CASES))
@pytest.mark.parametrize("n", [1, 10])
def test_trajectory_is_that_of_one_torch_optimizer_per_parameter(name, n):
    constructor, args = CASES[name]
    ours = make_params(n)
    theirs = copies(ours)
    optimizer = getattr(optim, name)(args)
    plain = {"foreach": False} if name in TORCH and name != "Muon" else {}
    single = [constructor([p], **args, **plain) for p in theirs]
    for _ in range(20):
        fill(ours)
        fill(theirs)
        optimizer(ours)
        for one in single:
            one.step()
        for a, b in zip(ours, theirs, strict=True):
            assert torch.allclose(a, b, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("name", sorted(CASES))
def test_descends(name):
    args = CASES[name][1]
    params = make_params(3)
    start = sum(p.square().sum().item() for p in params)
    optimizer = getattr(optim, name)(args)
    for _ in range(200):
        fill(params)
        optimizer(params)
    assert sum(p.square().sum().item() for p in params) < 0.5 * start


@pytest.mark.parametrize("name", sorted(CASES))
def test_saved_state_resumes_exactly(name, tmp_path):
    args = CASES[name][1]
    for i, p in enumerate(make_params(3)):
        PARAM_STORE.adopt(f"m$$$p{i}", p)
    params = [leaf for _, leaf in PARAM_STORE.named_parameters()]
    factory = getattr(optim, name)
    optimizer = factory(args)
    for k in range(4):  # the third parameter comes late
        fill(params)
        optimizer(params[: 2 if k < 2 else 3])
    optimizer.save(tmp_path / "optim")
    middle = PARAM_STORE.get_state()

    def finish(opt):
        for _ in range(4):
            fill(params)
            opt(params)
        return [p.detach().clone() for p in params]

    expected = finish(optimizer)
    fresh = factory(args)
    fresh.load(tmp_path / "optim")
    for opt in (fresh, optimizer):
        PARAM_STORE.set_state(middle)
        opt.load(tmp_path / "optim")  # into an optimizer that is new, and one in use
        for a, b in zip(finish(opt), expected, strict=True):
            assert torch.allclose(a, b, atol=1e-12)


@pytest.mark.parametrize("name", sorted(CASES))
def test_only_given_parameters_with_gradients_change(name):
    params = make_params(4)
    optimizer = getattr(optim, name)(CASES[name][1])
    fill(params)
    optimizer(params)
    optimizer(params)
    before = copies(params)
    fill(params)
    params[1].grad = None
    carried = params[2].grad.clone()
    optimizer([params[0], params[1], params[3]])
    changed = [not torch.equal(a, b) for a, b in zip(params, before, strict=True)]
    assert changed == [True, False, False, True]
    assert torch.equal(params[2].grad, carried)


SCHEDULES = {
    "ConstantLR": {"factor": 0.5, "total_iters": 3},
    "CosineAnnealingLR": {"T_max": 5},
    "CosineAnnealingWarmRestarts": {"T_0": 3},
    "CyclicLR": {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 2},
    "ExponentialLR": {"gamma": 0.8},
    "LambdaLR": {"lr_lambda": lambda k: 0.9**k},
    "LinearLR": {"total_iters": 4},
    "MultiStepLR": {"milestones": [2, 4], "gamma": 0.1},
    "MultiplicativeLR": {"lr_lambda": lambda k: 0.9},
    "OneCycleLR": {"max_lr": 0.1, "total_steps": 20},
    "PolynomialLR": {"total_iters": 6},
    "ReduceLROnPlateau": {"patience": 1},
    "StepLR": {"step_size": 2, "gamma": 0.5},
}


def test_every_schedule_has_a_case():
    made_of_schedules = {"SequentialLR", "ChainedScheduler"}
    assert set(SCHEDULES) | made_of_schedules == set(lr_scheduler.__all__) - {"LRScheduler"}


@pytest.mark.parametrize("name", sorted(SCHEDULES))
@pytest.mark.parametrize("resume", [False, True])
def test_schedule_is_torchs(name, resume, tmp_path):
    spec = {"optimizer": torch.optim.SGD, "optim_args": {"lr": 0.05, "momentum": 0.9}}
    spec |= SCHEDULES[name]
    untouched = dict(spec)
    metric = (1.0,) if name == "ReduceLROnPlateau" else ()
    p = make_params(1)[0]
    PARAM_STORE.adopt("p", p)
    q = copies([p])[0]
    ours = getattr(optim, name)(spec)
    theirs = torch.optim.SGD([q], lr=0.05, momentum=0.9)
    schedule = getattr(lr_scheduler, name)(theirs, **SCHEDULES[name])
    for k in range(8):
        fill([p])
        fill([q])
        if resume and k == 4:
            ours.save(tmp_path / "optim")
            ours = getattr(optim, name)(spec)
            ours.load(tmp_path / "optim")
        ours([p])
        theirs.step()
        ours.step(*metric)
        schedule.step(*metric)
        assert torch.allclose(p, q, atol=1e-12)
    assert spec == untouched


def test_schedules_of_schedules():
    parts = [lambda o: lr_scheduler.ExponentialLR(o, 0.5), lambda o: lr_scheduler.StepLR(o, 1, 0.1)]
    for name, more, expected in [
        ("SequentialLR", {"milestones": [1]}, [0.05, 0.05, 0.005]),
        ("ChainedScheduler", {}, [0.05, 0.0025, 0.000125]),
    ]:
        spec = {"optimizer": torch.optim.SGD, "optim_args": {"lr": 0.05}, "schedulers": parts}
        ours = getattr(optim, name)(spec | more)
        p = make_params(1)[0]
        rates = []
        for _ in range(3):
            fill([p])
            before = p.detach().clone()
            ours([p])
            rates.append(((before - p) / p.grad).mean().item())
            ours.step()
        assert rates == pytest.approx(expected)


def test_schedule_starts_when_the_parameter_is_first_seen():
    spec = {"optimizer": torch.optim.SGD, "optim_args": {"lr": 1.0}, "gamma": 0.5}
    ours = optim.ExponentialLR(spec)
    early, late = make_params(2)
    for p in itertools.islice((early, late), 2):
        p.grad = torch.zeros_like(p)
    ours([early])
    ours.step()
    ours([early, late])
    rates = [s.get_last_lr() for s in ours.optim_objs.values()]
    assert rates == [[0.5], [1.0]]
