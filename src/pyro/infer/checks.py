"""Whether a model and a guide fit together, and sites fit their plates."""

from __future__ import annotations

import math
import warnings
from itertools import zip_longest
from typing import Any

from pyro.errors import ShapeError, SiteError
from pyro.infer.prototype import max_plate_depth
from pyro.poutine.sites import is_auxiliary, is_deterministic, is_factor
from pyro.poutine.subsample import _Subsample
from pyro.poutine.trace_struct import Trace
from pyro.runtime import Message

_REMEDIES = (
    "  Try one of the following fixes:\n"
    "  - enclose the batched tensor in a with pyro.plate(...): context\n"
    "  - .to_event(...) the distribution being sampled\n"
    "  - .permute() data dimensions"
)


def check_model_guide_match(
    model_trace: Trace, guide_trace: Trace, max_plate_nesting: float = math.inf
) -> None:
    """Compare the latent sites and plates of a model with those of its guide.

    Warns (``UserWarning``) about sites that only one of the two has, about auxiliary sites in the
    model, and about plates that only the guide has. Plates' index draws are left out.

    :param max_plate_nesting: Batch dims further left are enumeration dims and are not compared.
    :raises ShapeError: if the shapes of a site disagree.
    :raises SiteError: if a factor of the guide does not say whether it is reparameterised.

    Example::

        >>> def normal(size):
        ...     return lambda: pyro.sample("z", dist.Normal(torch.zeros(size), 1.0).to_event(1))
        >>> model, guide = (poutine.trace(normal(size)).get_trace() for size in (3, 2))
        >>> check_model_guide_match(model, guide)
        Traceback (most recent call last):
            ...
        pyro.errors.ShapeError: Model and guide shapes disagree at site 'z': (3,) vs (2,). ...
    """
    guided = {
        name: site
        for name, site in guide_trace.nodes.items()
        if site["type"] == "sample" and type(site["fn"]) is not _Subsample
    }
    missing: list[str] = []
    auxiliary: list[str] = []
    matched = 0
    for name, site in model_trace.nodes.items():
        if site["type"] != "sample" or type(site["fn"]) is _Subsample:
            continue
        if site["is_observed"]:
            continue
        other = guided.get(name)
        if other is not None:
            matched += 1
            _check_shapes(name, site, other, max_plate_nesting)
            if is_auxiliary(site):
                auxiliary.append(name)
        elif "_enumerate_dim" not in site["infer"] and not is_auxiliary(site):
            missing.append(name)
    if missing:
        _warn(
            f"Found vars in model but not guide: {_names(missing)}. They are drawn from the model "
            "and their log densities still count in the loss: add them to the guide, or observe "
            "them."
        )
    if auxiliary:
        _warn(f"Found auxiliary vars in the model: {_names(auxiliary)}")
    if matched < len(guided) or any(site["is_observed"] for site in guided.values()):
        _check_guide_only(model_trace, guided)
    _check_plates(model_trace, guide_trace)


def check_site_shape(site: Message, max_plate_nesting: float = math.inf) -> None:
    """Compare the shape of a scored site's log-probability with the plates around the site.

    :param max_plate_nesting: Batch dims further left are enumeration dims and are not compared.
    :raises ShapeError: if there is a batch dim without a plate, a plate without a batch dim, two
        plates on one dim, or a plate left of ``max_plate_nesting``.

    Example::

        >>> def model():
        ...     pyro.sample("x", dist.Normal(torch.zeros(3), 1.0))  # in no plate
        >>> trace = poutine.trace(model).get_trace()
        >>> trace.compute_log_prob()
        >>> check_site_shape(trace.nodes["x"])
        Traceback (most recent call last):
            ...
        pyro.errors.ShapeError: at site "x", invalid log_prob shape
          Expected [], actual [3]
        ...
    """
    actual = site["log_prob"].shape
    stack = site["cond_indep_stack"]
    if not stack and not actual:
        return
    expected: list[int] = []
    for frame in stack:
        dim = frame.dim
        if dim is None:
            continue
        expected[:0] = [-1] * (-dim - len(expected))
        if -dim > max_plate_nesting:
            raise ShapeError(
                f'at site "{site["name"]}", plate stack overflow: plate("{frame.name}") is at dim '
                f"{dim}\n  Try increasing max_plate_nesting to at least {-dim}"
            )
        if expected[dim] != -1:
            raise _collision(site, dim)
        expected[dim] = frame.size
    if len(actual) > max_plate_nesting:
        actual = actual[len(actual) - int(max_plate_nesting) :]
    if list(actual) == expected:
        return
    for size, wanted in zip_longest(reversed(actual), reversed(expected), fillvalue=1):
        if wanted not in (-1, size):
            raise _bad_shape(site, expected, list(actual))


def check_scored_site(trace: Trace, site: Message, max_plate_nesting: float = math.inf) -> None:
    """Like :func:`check_site_shape`, but a program without plates may leave batch dims undeclared.

    Its sites are then scored as single events, which is right wherever no batch dim has a meaning
    to the objective; a warning (``UserWarning``) says so.

    :raises ShapeError: as :func:`check_site_shape`, if the program has a vectorised plate or
        ``max_plate_nesting`` is given.
    """
    try:
        check_site_shape(site, max_plate_nesting)
    except ShapeError:
        if max_plate_nesting < math.inf or max_plate_depth(trace) > 0:
            raise
        shape = list(site["log_prob"].shape)
        warnings.warn(  # from here, whoever asks: once per site in a process
            f"The log-probability of site '{site['name']}' has shape {shape}, but the program has "
            "no plates: its elements are taken to depend on each other, as one event. Declare that "
            "with .to_event(...), or declare them independent with pyro.plate(...).",
            UserWarning,
            stacklevel=1,
        )


def check_traces_match(trace1: Trace, trace2: Trace) -> None:
    """Warn if two runs of one program have different sites, and fail if shapes differ.

    :raises ShapeError: if a site's shape differs between the traces.

    Example::

        >>> def model(size):
        ...     pyro.sample("x", dist.Normal(torch.zeros(size), 1.0).to_event(1))
        >>> check_traces_match(*(poutine.trace(model).get_trace(size) for size in (3, 2)))
        Traceback (most recent call last):
            ...
        pyro.errors.ShapeError: Site dims disagree at site 'x': (3,) vs (2,)
    """
    sites1, sites2 = (
        {n: s for n, s in t.nodes.items() if s["type"] == "sample"} for t in (trace1, trace2)
    )
    if sites1.keys() != sites2.keys():
        _warn(
            f"Model vars changed: {_names(sites1.keys() - sites2.keys())} are gone, "
            f"{_names(sites2.keys() - sites1.keys())} are new"
        )
    for name in sites1.keys() & sites2.keys():
        before, after = (_shape(s[name]["fn"]) for s in (sites1, sites2))
        if before != after:
            raise ShapeError(f"Site dims disagree at site '{name}': {before} vs {after}")


def check_if_enumerated(guide_trace: Trace) -> None:
    """Warn about guide sites that ask to be enumerated, by an objective that only samples them.

    Example::

        >>> import warnings
        >>> def guide():
        ...     pyro.sample("z", dist.Bernoulli(0.5), infer={"enumerate": "parallel"})
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     check_if_enumerated(poutine.trace(guide).get_trace())
        >>> print(caught[0].message)
        Found sites configured for enumeration: z. ...
    """
    asked = [
        name
        for name, site in guide_trace.nodes.items()
        if site["type"] == "sample" and site["infer"].get("enumerate")
    ]
    if asked:
        _warn(
            f"Found sites configured for enumeration: {', '.join(asked)}. This objective samples "
            "them. If you want to enumerate sites, you need to use TraceEnum_ELBO instead."
        )


def _check_shapes(name: str, site: Message, other: Message, max_plate_nesting: float) -> None:
    fn, guide_fn = site["fn"], other["fn"]
    batch, guide_batch = getattr(fn, "batch_shape", None), getattr(guide_fn, "batch_shape", None)
    if batch is None or guide_batch is None:
        return
    event, guide_event = fn.event_shape, guide_fn.event_shape
    if batch == guide_batch and event == guide_event:
        return
    if len(event) != len(guide_event):
        raise ShapeError(
            f"Model and guide event_dims disagree at site '{name}': {len(event)} vs "
            f"{len(guide_event)}. The model has batch shape {tuple(batch)} and event shape "
            f"{tuple(event)}, the guide {tuple(guide_batch)} and event shape "
            f"{tuple(guide_event)}; declare dependent dims with .to_event(n) in both, or neither."
        )
    keep = len(event) + max_plate_nesting
    ours, theirs = (tuple(b) + tuple(e) for b, e in ((batch, event), (guide_batch, guide_event)))
    pairs = list(zip_longest(reversed(ours), reversed(theirs), fillvalue=1))
    for position, (size, guide_size) in enumerate(pairs):
        if position < keep and size != guide_size:
            raise ShapeError(
                f"Model and guide shapes disagree at site '{name}': {ours} vs {theirs}. Enclose "
                "the site in the same plates in both, or make the parameters of the two "
                "distributions of the same shape."
            )


def _check_guide_only(model_trace: Trace, guided: dict[str, Message]) -> None:
    """Sites that the guide alone has, and what it observes."""
    nodes = model_trace.nodes
    extra = [
        name
        for name, site in guided.items()
        if not (site["is_observed"] or is_auxiliary(site))
        and (name not in nodes or nodes[name].get("is_observed"))
    ]
    if extra:
        message = (
            "Found non-auxiliary vars in guide but not model, consider marking these "
            f"infer={{'is_auxiliary': True}}:\n{_names(extra)}"
        )
        observed = [name for name in extra if name in nodes]
        if observed:
            message += (
                f"\nOf these the model observes {_names(observed)}: the guide's draws are unused, "
                "but their densities count in the loss. Remove them from the guide."
            )
        _warn(message)
    for name, site in guided.items():
        if site["is_observed"] and is_factor(site) and not is_deterministic(site):
            _check_factor(name, site["fn"])


def _check_factor(name: str, fn: Any) -> None:
    while hasattr(fn, "base_dist"):
        fn = fn.base_dist
    if "has_rsample" not in fn.__dict__:
        raise SiteError(
            f'At pyro.factor("{name}",...), has_rsample must be specified inside a guide: pass '
            "has_rsample=True if the factor depends differentiably on the guide's parameters "
            "(reparameterised draws), has_rsample=False if a score function estimator is needed."
        )


def _check_plates(model_trace: Trace, guide_trace: Trace) -> None:
    """Plates (index draws) of the guide that the model lacks."""
    model_nodes = model_trace.nodes
    extra = [
        name
        for name, site in guide_trace.nodes.items()
        if site["type"] == "sample" and type(site["fn"]) is _Subsample and name not in model_nodes
    ]
    if extra:
        _warn(f"Found plate statements in guide but not model: {_names(extra)}")


def _collision(site: Message, dim: int) -> ShapeError:
    first, second = [f.name for f in site["cond_indep_stack"] if f.dim == dim][:2]
    return ShapeError(
        f'at site "{site["name"]}" within plate("{second}", dim={dim}), dim collision with '
        f'plate("{first}")\n  Try setting dim arg in other plates.'
    )


def _bad_shape(site: Message, expected: list[int], actual: list[int]) -> ShapeError:
    plates = ", ".join(
        f'"{f.name}" of size {f.size} at dim {f.dim}'
        for f in site["cond_indep_stack"]
        if f.dim is not None
    )
    return ShapeError(
        f'at site "{site["name"]}", invalid log_prob shape\n'
        f"  Expected {expected}, actual {actual}\n"
        f"  {type(site['fn']).__name__} has batch shape {list(_batch(site['fn']))} and event shape "
        f"{list(getattr(site['fn'], 'event_shape', ()))}; plates around it: {plates or 'none'}\n"
        f"{_REMEDIES}"
    )


def _batch(fn: Any) -> tuple[int, ...]:
    return tuple(getattr(fn, "batch_shape", ()))


def _shape(fn: Any) -> tuple[int, ...]:
    return _batch(fn) + tuple(getattr(fn, "event_shape", ()))


def _names(names: Any) -> str:
    return "{" + ", ".join(repr(name) for name in sorted(names)) + "}"


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=5)
