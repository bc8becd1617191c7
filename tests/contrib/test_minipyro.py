"""The minimal edition keeps the laws of the full one: every test runs on both."""

import contextlib
import importlib
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch

import pyro
import pyro.distributions as dist
from pyro import poutine
from pyro.contrib import minipyro
from pyro.distributions import constraints
from pyro.distributions.testing.fakes import NonreparameterizedNormal
from pyro.infer import SVI, Trace_ELBO
from pyro.optim import Adam

FULL = SimpleNamespace(
    sample=pyro.sample,
    param=pyro.param,
    plate=pyro.plate,
    trace=lambda fn: SimpleNamespace(get_trace=lambda *a: _sites(poutine.trace(fn).get_trace(*a))),
    replay=lambda fn, trace: poutine.replay(fn, trace=_as_trace(trace)),
    condition=lambda fn, data: poutine.condition(fn, data=data),
    block=lambda fn, hide_fn=lambda msg: True: poutine.block(fn, hide_fn=hide_fn),
    scale=lambda fn, scale: poutine.scale(fn, scale=scale),
    seed=lambda fn, rng_seed: poutine.seed(fn, rng_seed=rng_seed),
    SVI=SVI,
    Trace_ELBO=Trace_ELBO,
    Adam=Adam,
    depth=lambda: len(poutine.runtime._PYRO_STACK),
)
MINI = SimpleNamespace(
    **{name: getattr(minipyro, name) for name in vars(FULL) if hasattr(minipyro, name)},
    depth=lambda: len(minipyro.STACK.handlers),
)


def _sites(trace: poutine.Trace) -> dict[str, dict]:
    return {n: s for n, s in trace.nodes.items() if s["type"] in ("sample", "param")}


def _as_trace(sites: dict[str, dict]) -> poutine.Trace:
    trace = poutine.Trace()
    for name, site in sites.items():
        trace.record(name, site)
    return trace


@pytest.fixture(params=[FULL, MINI], ids=["pyro", "minipyro"])
def lang(request: pytest.FixtureRequest) -> Iterator[SimpleNamespace]:
    minipyro.clear_param_store()
    yield request.param
    assert request.param.depth() == 0
    minipyro.clear_param_store()


DATA = torch.tensor([1.0, 2.0, 3.0])


def make_model(lang: SimpleNamespace):
    def model(data):
        mu = lang.sample("mu", dist.Normal(0.0, 2.0))
        with lang.plate("data", 3):
            lang.sample("x", dist.Normal(mu, 1.0), obs=data)
        return mu

    return model


def score(sites: dict[str, dict]) -> torch.Tensor:
    return minipyro.log_prob_sum({n: s for n, s in sites.items() if n != "data"})


def test_full_size_edition_stays_readable() -> None:
    source = importlib.import_module("inspect").getsource(minipyro)
    assert len(source.splitlines()) < 400


def test_trace_records_values_and_scores(lang: SimpleNamespace) -> None:
    sites = lang.trace(make_model(lang)).get_trace(DATA)
    assert [n for n in sites if n != "data"] == ["mu", "x"]
    assert sites["x"]["is_observed"] and not sites["mu"]["is_observed"]
    mu = sites["mu"]["value"]
    exact = dist.Normal(0.0, 2.0).log_prob(mu) + dist.Normal(mu, 1.0).log_prob(DATA).sum()
    assert torch.allclose(score(sites), exact)


def test_replay_repeats_the_latents(lang: SimpleNamespace) -> None:
    model = make_model(lang)
    sites = lang.trace(model).get_trace(DATA)
    again = lang.trace(lang.replay(model, trace=sites)).get_trace(DATA)
    assert again["mu"]["value"] is sites["mu"]["value"]
    assert torch.equal(score(again), score(sites))


def test_condition_observes(lang: SimpleNamespace) -> None:
    model = lang.condition(make_model(lang), data={"mu": torch.tensor(1.5)})
    sites = lang.trace(model).get_trace(DATA)
    assert sites["mu"]["is_observed"] and sites["mu"]["value"] == 1.5


def test_block_hides(lang: SimpleNamespace) -> None:
    model = make_model(lang)
    assert not lang.trace(lang.block(model)).get_trace(DATA)
    some = lang.block(model, hide_fn=lambda msg: msg["name"] == "mu")
    assert "mu" not in lang.trace(some).get_trace(DATA)


def test_scale_multiplies_also_from_outside_of_a_trace(lang: SimpleNamespace) -> None:
    model = lang.scale(make_model(lang), scale=3.0)
    sites = lang.trace(model).get_trace(DATA)
    assert sites["mu"]["scale"] == 3.0 and sites["x"]["scale"] == 3.0


def test_seed_repeats_and_restores(lang: SimpleNamespace) -> None:
    model = lang.seed(make_model(lang), rng_seed=7)
    state = torch.get_rng_state()
    assert model(DATA) == model(DATA)
    assert torch.equal(torch.get_rng_state(), state)


def test_plates_nest_and_scale(lang: SimpleNamespace) -> None:
    def model():
        with lang.plate("a", 3), lang.plate("b", 10, 5):
            return lang.sample("x", dist.Normal(torch.zeros(3), 1.0))

    site = lang.trace(model).get_trace()["x"]
    assert site["value"].shape == (5, 3) and site["scale"] == 2.0


def test_sequential_plate(lang: SimpleNamespace) -> None:
    def model():
        for i in lang.plate("a", 6, 3):
            lang.sample(f"x_{i}", dist.Normal(0.0, 1.0))

    sites = {n: s for n, s in lang.trace(model).get_trace().items() if n != "a"}
    assert len(sites) == 3 and all(s["scale"] == 2.0 for s in sites.values())


def test_mistakes_are_errors(lang: SimpleNamespace) -> None:
    def twice():
        lang.sample("x", dist.Normal(0.0, 1.0))
        lang.sample("x", dist.Normal(0.0, 1.0))

    with pytest.raises(RuntimeError, match="'x'"):
        lang.trace(twice).get_trace()

    def wrong_shape():
        with lang.plate("a", 3):
            lang.sample("x", dist.Normal(torch.zeros(4), 1.0))

    with pytest.raises(ValueError, match="Shape mismatch inside plate"):
        lang.trace(wrong_shape).get_trace()
    with pytest.raises(KeyError):
        lang.param("nowhere")


def test_threads_do_not_see_each_other(lang: SimpleNamespace) -> None:
    barrier = threading.Barrier(2)
    seen: dict[str, list[str]] = {}

    def program(prefix: str) -> None:
        for i in range(5):
            barrier.wait()
            lang.sample(f"{prefix}{i}", dist.Normal(0.0, 1.0))

    def run(prefix: str) -> None:
        seen[prefix] = list(lang.trace(program).get_trace(prefix))

    threads = [threading.Thread(target=run, args=(prefix,)) for prefix in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {p: [f"{p}{i}" for i in range(5)] for p in "ab"}


@pytest.mark.parametrize("family", [dist.Normal, NonreparameterizedNormal])
def test_svi_finds_a_conjugate_posterior(lang: SimpleNamespace, family: type) -> None:
    """Normal(0, 2) prior and three unit normal data: mean 24/13, variance 4/13."""

    def guide(data):
        loc = lang.param("loc", torch.tensor(0.0))
        scale = lang.param("scale", torch.tensor(1.0), constraint=constraints.positive)
        lang.sample("mu", family(loc, scale))

    elbo = lang.Trace_ELBO(num_particles=1 if family is dist.Normal else 5)
    svi = lang.SVI(make_model(lang), guide, lang.Adam({"lr": 0.03}), elbo)
    losses = [svi.step(DATA) for _ in range(250)]
    assert isinstance(losses[0], float)
    # loose: the last of 250 noisy steps, several standard deviations of its jitter
    assert lang.param("loc").item() == pytest.approx(24 / 13, abs=0.3)
    assert lang.param("scale").item() == pytest.approx((4 / 13) ** 0.5, abs=0.25)
    assert isinstance(svi.evaluate_loss(DATA), float)


def test_stack_is_clean_after_an_error(lang: SimpleNamespace) -> None:
    def model():
        with lang.plate("a", 3):
            lang.sample("x", dist.Normal(0.0, 1.0))
            raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        lang.trace(lang.scale(model, scale=2.0)).get_trace()
    assert lang.depth() == 0
