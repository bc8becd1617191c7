"""Laws that hold for every distribution of the table."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import numpy as np
import pytest
import scipy.stats as sp
import torch
import torch.distributions as td

import pyro.distributions as dist
from tests.laws.cases_discrete import MIXED
from tests.laws.distribution_cases import BATCH_SHAPES, CASES, Case, draw

SAMPLE_SHAPES = [(), (2,), (4, 1)]
BY_ID = {case.id: case for case in CASES}
cases = pytest.mark.parametrize("case", CASES, ids=BY_ID)
batches = pytest.mark.parametrize("batch", BATCH_SHAPES, ids=str)


def close(actual: Any, expected: Any, tol: float = 1e-9) -> None:
    torch.testing.assert_close(
        actual, expected, rtol=tol, atol=tol, check_dtype=False, equal_nan=True
    )


def has_family(case: Case) -> bool:
    return inspect.isclass(case.family)


def torch_twin(case: Case, batch: tuple[int, ...] = ()) -> Any:
    """The same distribution as torch has it, if torch has it."""
    if not has_family(case) or not hasattr(td, case.family.__name__):
        pytest.skip("not a family of torch")
    if case.family is dist.GeneralizedPareto:
        pytest.skip("torch 2.13 cannot score it in double precision; scipy is the reference")
    kwargs = {k: v for k, v in case.kwargs(batch).items() if k != "is_sparse"}
    if "temperature" in kwargs:
        kwargs["temperature"] = torch.as_tensor(kwargs["temperature"], dtype=torch.float64)
    return getattr(td, case.family.__name__)(**kwargs)


@cases
@batches
def test_shapes(case: Case, batch: tuple[int, ...]) -> None:
    d = case.build(batch)
    assert d.batch_shape == batch
    assert d.event_dim == len(d.event_shape)
    for sample_shape in SAMPLE_SHAPES:
        x = draw(d, sample_shape)
        assert x.shape == d.shape(sample_shape) == sample_shape + batch + d.event_shape
        assert d.log_prob(x).shape == torch.Size(sample_shape) + batch


@cases
@batches
def test_log_prob_is_torchs(case: Case, batch: tuple[int, ...]) -> None:
    twin, d = torch_twin(case, batch), case.build(batch)
    x = draw(d, (5,))
    close(d.log_prob(x), twin.log_prob(x), 1e-8)
    for name in ("mean", "variance"):
        try:
            expected = getattr(twin, name)
        except NotImplementedError:
            continue
        close(getattr(d, name), expected)


@cases
def test_log_prob_gradient_is_torchs(case: Case) -> None:
    torch_twin(case, (2,))
    kwargs = case.kwargs((2,))
    if "temperature" in kwargs:
        kwargs["temperature"] = torch.as_tensor(kwargs["temperature"], dtype=torch.float64)
    names = [k for k, v in kwargs.items() if isinstance(v, torch.Tensor)]
    x = draw(case.build((2,)), (3,))
    gradients = []
    for family in (case.family, getattr(td, case.family.__name__)):
        given = {k: v for k, v in kwargs.items() if k != "is_sparse" or family is case.family}
        leaves = {k: kwargs[k].clone().requires_grad_() for k in names}
        value = x.clone().requires_grad_(x.is_floating_point() and not is_discrete(case))
        log_prob = family(**{**given, **leaves}, validate_args=False).log_prob(value).sum()
        inputs = list(leaves.values()) + ([value] if value.requires_grad else [])
        gradients.append(torch.autograd.grad(log_prob, inputs, allow_unused=True))
    for ours, theirs in zip(*gradients, strict=True):
        if theirs is None or ours is None:
            assert ours is theirs or (theirs if ours is None else ours).abs().max() == 0
        else:
            close(ours, theirs, 1e-7)


def is_discrete(case: Case) -> bool:
    return bool(case.build().support.is_discrete)


@cases
def test_log_prob_is_scipys(case: Case) -> None:
    if case.reference is None:
        pytest.skip("scipy has no such family")
    d, frozen = case.build(), case.reference(**case.params)
    x = draw(d, (7,))
    expected = (frozen.logpmf if is_discrete(case) else frozen.logpdf)(x.numpy())
    close(d.log_prob(x), torch.as_tensor(np.asarray(expected)), 1e-6)


@cases
def test_samples_fit(case: Case) -> None:
    """Each row fails a correct sampler with probability 1e-5 (and its seed is fixed)."""
    if case.reference is None:
        pytest.skip("scipy has no such family")
    torch.manual_seed(20)
    d, frozen = case.build(), case.reference(**case.params)
    x = d(torch.Size((2000,))).detach().numpy()
    if is_discrete(case):
        values = np.unique(x)
        expected = frozen.pmf(values) * len(x)
        common = expected > 5
        observed = np.array([(x == v).sum() for v in values[common]])
        counts = np.append(observed, len(x) - observed.sum())
        means = np.append(expected[common], len(x) - expected[common].sum())
        keep = means > 1e-9
        statistic = ((counts - means)[keep] ** 2 / means[keep]).sum()
        assert sp.chi2(keep.sum() - 1).sf(statistic) > 1e-5
    else:
        assert sp.kstest(x, frozen.cdf).pvalue > 1e-5


@cases
def test_moments_fit(case: Case) -> None:
    """Sample means lie within 5 standard errors: a false alarm in 6e-7 of the entries."""
    d = case.build()
    try:
        mean, variance = d.mean, d.variance
    except (NotImplementedError, AttributeError):
        pytest.skip("no closed-form moments")
    if not (torch.isfinite(mean).all() and torch.isfinite(variance).all()):
        pytest.skip("no finite moments")
    if case.id == "von-mises":
        pytest.skip("its variance is circular")
    torch.manual_seed(3)
    x = d.sample(torch.Size((4000,)))
    assert ((x.mean(0) - mean).abs() <= 5 * (variance / 4000).sqrt() + 1e-9).all()


@cases
@batches
def test_expand(case: Case, batch: tuple[int, ...]) -> None:
    d = case.build(batch)
    assert d.expand(d.batch_shape).batch_shape == d.batch_shape
    target = (4, *[3 if n == 1 else n for n in batch])
    big = d.expand(target)
    assert big.batch_shape == target
    assert big.event_shape == d.event_shape
    assert d.batch_shape == batch
    x = draw(big)
    assert x.shape == big.shape()
    close(big.log_prob(x), d.log_prob(x).expand(target))
    by = d.expand_by([5])
    assert by.batch_shape == (5, *batch)
    assert type(big.expand(big.batch_shape)) is type(big)
    if 2 in batch:
        with pytest.raises((ValueError, RuntimeError)):
            d.expand((3,))


@cases
def test_expanded_entries_are_independent_draws(case: Case) -> None:
    d = case.build((2,))
    named = (*MIXED, "delta", "unit", "improper", "empirical", "censored")
    if d.support.is_discrete or case.id.startswith(named):
        pytest.skip("ties are expected")
    x = draw(d.expand((50, 2)))
    assert len(torch.unique(x.reshape(50, -1), dim=0)) == 50


@cases
def test_to_event(case: Case) -> None:
    d = case.build((3, 2))
    x = draw(d, (4,))
    for n in (0, 1, 2, None):
        e = d.to_event(n)
        k = 2 if n is None else n
        assert e.event_dim == d.event_dim + k
        assert e.batch_shape == d.batch_shape[: 2 - k]
        expected = d.log_prob(x)
        close(e.log_prob(x), expected.sum(tuple(range(-k, 0))) if k else expected)
        assert e.has_rsample == d.has_rsample
        assert e.to_event(-k).event_dim == d.event_dim
    assert (
        d.to_event(1).to_event(1).reinterpreted_batch_ndims
        == d.to_event(2).reinterpreted_batch_ndims
    )
    with pytest.raises(ValueError, match="reinterpreted_batch_ndims"):
        d.to_event(3)


@cases
def test_mask(case: Case) -> None:
    d = case.build((3, 2))
    x = draw(d)
    full = d.log_prob(x)
    close(d.mask(True).log_prob(x), full)
    close(d.mask(False).log_prob(x), torch.zeros(3, 2))
    mask = torch.tensor([True, False])
    close(d.mask(mask).log_prob(x), torch.where(mask, full, torch.zeros(())))
    wide = torch.ones(4, 3, 2, dtype=torch.bool)
    assert d.mask(wide).batch_shape == (4, 3, 2)
    close(d.mask(mask).mask(~mask).log_prob(x), torch.zeros(3, 2))
    assert d.mask(mask).expand((5, 3, 2)).log_prob(x).shape == (5, 3, 2)
    parts = d.mask(mask).score_parts(x)
    close(parts.log_prob, d.mask(mask).log_prob(x))


@cases
def test_masked_nan_reaches_no_gradient(case: Case) -> None:
    if case.id in ("unit", "wishart", "lkj", "logistic-normal") or "low-rank" in case.id:
        pytest.skip("no values, or a support whose entries cannot be filled")
    kwargs = case.kwargs((2,))
    if not has_family(case):
        pytest.skip("a composite")
    leaves = {
        k: v.requires_grad_() if isinstance(v, torch.Tensor) else v for k, v in kwargs.items()
    }
    d = case.family(**leaves)
    x = draw(d).detach()
    if not x.is_floating_point():
        pytest.skip("integers are never nan")
    x[1] = float("nan")
    log_prob = d.mask(torch.tensor([True, False])).log_prob(x)
    assert log_prob[1] == 0
    tensors = [v for v in leaves.values() if isinstance(v, torch.Tensor)]
    if not log_prob.requires_grad:
        return
    for gradient in torch.autograd.grad(log_prob.sum(), tensors, allow_unused=True):
        assert gradient is None or not gradient.isnan().any()


@cases
def test_rsample_is_differentiable(case: Case) -> None:
    if not has_family(case):
        pytest.skip("a composite")
    kwargs = case.kwargs((2,))
    leaves = {
        k: v.requires_grad_() if isinstance(v, torch.Tensor) else v for k, v in kwargs.items()
    }
    d = case.family(**leaves)
    if case.id in ("unit", "improper"):
        pytest.skip("nothing to differentiate")
    if case.id == "von-mises":
        assert not d().requires_grad
        return
    assert d().requires_grad == d.has_rsample
    assert not d.sample().requires_grad
    if d.has_rsample:
        assert not d.has_rsample_(False)().requires_grad
        assert not d.expand((3, 2)).has_rsample
        assert not d.expand((3, 2))().requires_grad
        assert not d.to_event(1)().requires_grad
        parts = d.score_parts(d())
        assert parts.entropy_term == 0
        assert parts.score_function is parts.log_prob


@cases
def test_reparameterised_gradient_is_right(case: Case) -> None:
    """d E[x] / d theta by the pathwise estimator, within 6 standard errors of the exact one."""
    if not has_family(case) or case.family in (dist.Delta, dist.Unit):
        pytest.skip("a composite or trivial")
    kwargs = {
        k: v.requires_grad_() if isinstance(v, torch.Tensor) else v
        for k, v in case.kwargs((1,)).items()
    }
    d = case.family(**kwargs)
    if not d.has_rsample or d.support.event_dim or "one-hot" in case.id:
        pytest.skip("not univariate and reparameterised")
    try:
        mean = d.mean
    except NotImplementedError:
        pytest.skip("no closed-form mean")
    if not (torch.isfinite(mean).all() and torch.isfinite(d.variance).all()):
        pytest.skip("no finite moments")
    leaves = [v for v in kwargs.values() if isinstance(v, torch.Tensor)]
    exact = torch.autograd.grad(mean.sum(), leaves, allow_unused=True)
    torch.manual_seed(5)
    big = {k: v.detach().expand(4000).clone().requires_grad_() for k, v in kwargs.items()}
    x = case.family(**big).rsample()
    estimates = torch.autograd.grad(x.sum(), list(big.values()), allow_unused=True)
    for truth, estimate in zip(exact, estimates, strict=True):
        if truth is None or estimate is None:
            continue
        error = estimate.std() / 4000**0.5
        assert (estimate.mean() - truth).abs() <= 6 * error + 1e-6


@cases
@batches
def test_enumerate_support(case: Case, batch: tuple[int, ...]) -> None:
    d = case.build(batch)
    if not d.has_enumerate_support:
        with pytest.raises(NotImplementedError):
            d.enumerate_support()
        return
    full = d.enumerate_support()
    assert full.shape == full.shape[:1] + d.batch_shape + d.event_shape
    assert torch.equal(full, d.enumerate_support(expand=True))
    close(d.log_prob(full).exp().sum(0), torch.ones(batch), 1e-6)
    if case.id == "empirical":
        return
    small = d.enumerate_support(expand=False)
    assert small.shape == full.shape[:1] + (1,) * len(batch) + d.event_shape
    close(d.log_prob(small), d.log_prob(full))


@cases
@batches
def test_infer_shapes(case: Case, batch: tuple[int, ...]) -> None:
    if not has_family(case):
        pytest.skip("a composite")
    kwargs = case.kwargs(batch)
    shapes = {k: v.shape for k, v in kwargs.items() if isinstance(v, torch.Tensor)}
    d = case.family(**kwargs)
    try:
        actual = case.family.infer_shapes(**shapes)
    except NotImplementedError:
        sized = {"num_steps", "W", "truncation"}.intersection(case.static)
        assert sized or case.id.startswith(("delta", "unit", "lkj", "logistic-normal"))
        return
    assert actual == (d.batch_shape, d.event_shape)


@cases
def test_pickle_and_copy(case: Case) -> None:
    d = case.build((2,))
    x = draw(d)
    for twin in (copy.deepcopy(d), pickle.loads(pickle.dumps(d))):
        assert type(twin) is type(d)
        close(twin.log_prob(x), d.log_prob(x))


@cases
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_dtype(case: Case, dtype: torch.dtype) -> None:
    d = case.build((2,), dtype)
    x = draw(d)
    if case.id == "improper":
        return
    if x.is_floating_point():
        assert x.dtype is dtype
    assert d.log_prob(x).dtype is dtype


@cases
def test_support_holds_samples(case: Case) -> None:
    d = case.build((2,))
    x = draw(d, (50,))
    assert d.support.event_dim <= d.event_dim
    assert d.support.check(x).all()


@cases
def test_biject_to_support(case: Case) -> None:
    d = case.build((2,))
    if d.support.is_discrete or case.id in (*MIXED, "empirical"):
        pytest.skip("discrete")
    x = draw(d)
    for registry in (dist.biject_to, dist.transform_to):
        transform = registry(d.support)
        u = transform.inv(x)
        y = transform(u)
        assert d.support.check(y).all()
        if registry is dist.biject_to:
            close(y, x, 1e-4)


@cases
def test_python_numbers_and_arrays_as_values(case: Case) -> None:
    d = case.build()
    x = draw(d)
    if case.id == "unit":
        return
    expected = d.log_prob(x)
    close(d.log_prob(x.numpy()), expected, 1e-6)
    if x.dim() == 0:
        close(d.log_prob(x.item()), expected, 1e-6)


@cases
def test_numpy_parameters(case: Case) -> None:
    if not has_family(case):
        pytest.skip("a composite")
    kwargs = case.kwargs((2,))
    arrays = {k: v.numpy() if isinstance(v, torch.Tensor) else v for k, v in kwargs.items()}
    x = draw(case.build((2,)))
    close(case.family(**arrays).log_prob(x), case.build((2,)).log_prob(x))


@cases
def test_nan_parameters_are_named(case: Case) -> None:
    if not has_family(case):
        pytest.skip("a composite")
    for name, value in case.kwargs((2,)).items():
        if not isinstance(value, torch.Tensor) or (case.id.startswith("delta") and name == "v"):
            continue
        bad = value.clone()
        bad.view(-1)[-1] = float("nan")
        kwargs = {**case.kwargs((2,)), name: bad}
        if case.id == "wishart" and name == "df":
            continue
        with pytest.raises(ValueError, match=r"parameter|df"):
            case.family(**kwargs)


def test_every_torch_family_is_exported() -> None:
    families = {
        name
        for name in td.__all__
        if inspect.isclass(getattr(td, name)) and issubclass(getattr(td, name), td.Distribution)
    }
    assert families <= set(dist.__all__)
    for name in families - {"Distribution", "ExponentialFamily"}:
        assert issubclass(getattr(dist, name), dist.TorchDistributionMixin)
        assert issubclass(getattr(dist, name), getattr(td, name))
    assert set(td.constraints.__all__) <= set(dist.constraints.__all__)
    assert set(td.transforms.__all__) <= set(dist.transforms.__all__)


def test_every_family_is_in_the_table() -> None:
    concrete = {
        name
        for name in dist.__all__
        if inspect.isclass(getattr(dist, name)) and issubclass(getattr(dist, name), td.Distribution)
    }
    tested = {type(case.build()).__name__ for case in CASES}
    without_density = {"LinearHMM"}
    assert concrete - tested <= {"TorchDistribution", "ExponentialFamily", *without_density}
