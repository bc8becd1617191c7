"""Draws of a guide, with the density of the model and that of the guide at each."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyro.infer import validation
from pyro.infer.checks import check_model_guide_match
from pyro.infer.elbo.elbo import InPlate
from pyro.infer.elbo.model_enumeration import Term, split, sum_out
from pyro.infer.elbo.scoring import log_prob, scored_sites
from pyro.infer.elbo.weights import sum_by_particle
from pyro.infer.errors import InferenceError
from pyro.infer.prototype import Program, look, max_plate_depth
from pyro.poutine.enum_messenger import EnumMessenger
from pyro.poutine.messenger import Messenger
from pyro.poutine.replay_messenger import ReplayMessenger
from pyro.poutine.sites import is_auxiliary, is_deterministic, is_latent, is_sample, is_subsample
from pyro.poutine.trace_messenger import TraceMessenger
from pyro.poutine.trace_struct import Trace
from pyro.runtime import Message

_PLATE = "num_particles_vectorized"
_FIRST = 8  # draws that a first run makes, to see whether it can be done


class WeightedDraws(NamedTuple):
    r"""Draws :math:`z_i` of a guide :math:`q`.

    ``log_p`` and ``log_q`` are :math:`\log p(x, z_i)` and :math:`\log q(z_i)`, of shape ``(n,)``
    and type float64. ``values`` holds the latent and deterministic sites of the model, the number
    of the draw leftmost; ``points`` names those continuous sites that have one value in all draws.
    ``looped_because`` says why the draws were made one by one, and is empty if they were not.
    """

    log_p: Tensor
    log_q: Tensor
    values: dict[str, Tensor]
    points: tuple[str, ...]
    looped_because: str

    @property
    def log_weights(self) -> Tensor:
        r""":math:`\log p(x, z_i) - \log q(z_i)`."""
        return self.log_p - self.log_q


class _Drawn(NamedTuple):
    """Some draws: densities, and the values of all sites of model and guide."""

    log_p: Tensor
    log_q: Tensor
    model: dict[str, Tensor]
    guide: dict[str, Tensor]


def weighted_draws(
    model: Program,
    guide: Program,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    num_samples: int,
    *,
    max_plate_nesting: int | None = None,
    at_once: int | None = None,
) -> WeightedDraws:
    """Draw from a guide, and weigh the draws by a model.

    All draws are made in one run, in an outermost plate, if the programs allow it. Whether they do
    is checked: some draws are made again, one by one, and must have the same densities. Otherwise
    there is a run per draw.

    Sites that the model marks for parallel enumeration and the guide lacks are summed out. Other
    sites that the guide lacks are drawn from the model; their density is in neither of the two.
    Plates that subsample keep the indices of the first run, with a warning.

    :param max_plate_nesting: How deeply plates are nested; found out by default.
    :param at_once: How many draws share a run, at most; by default all.
    :raises InferenceError: if ``num_samples`` or ``at_once`` is less than 1.
    """
    at_once = num_samples if at_once is None else at_once
    if num_samples < 1 or at_once < 1:
        raise InferenceError(
            f"the number of draws, and of those at once, must be positive, but are {num_samples} "
            f"and {at_once}"
        )
    with torch.no_grad():
        runs = _Runs(model, guide, args, kwargs, max_plate_nesting)
        parts, reason = _try_together(runs, num_samples, at_once)
        if reason:
            parts = [runs.draw(None) for _ in range(num_samples)]
    return _joined(runs, parts, reason)


def _try_together(runs: _Runs, num_samples: int, at_once: int) -> tuple[list[_Drawn], str]:
    """Draws made in plates; or why that cannot be done, as a few draws show."""
    few = min(at_once, num_samples, _FIRST)
    try:
        first = runs.draw(few)
        wrong = runs.disagreement(first)
    except Exception as error:  # whatever it is, a run per draw raises it again if it is real
        return [], f"the vectorised run failed: {type(error).__name__}: {error}"
    if wrong:
        return [], wrong
    rest = num_samples - few
    return [first, *(runs.draw(min(at_once, rest - i)) for i in range(0, rest, at_once))], ""


class _Give(Messenger):
    """Impose values on sites, which stay latent."""

    def __init__(self, values: Mapping[str, Tensor]) -> None:
        self._values = values

    def _pyro_sample(self, msg: Message) -> None:
        value = self._values.get(msg["name"])
        if value is not None and not msg["is_observed"]:
            msg["value"] = value
            msg["done"] = True


class _Runs:
    """Runs of a guide and a model, one per draw or one for many."""

    def __init__(
        self,
        model: Program,
        guide: Program,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        max_plate_nesting: int | None,
    ) -> None:
        self._model, self._guide, self._args, self._kwargs = model, guide, args, kwargs
        traces = look(model, guide, args, kwargs)
        self._depth = max_plate_depth(*traces) if max_plate_nesting is None else max_plate_nesting
        self._prototypes = traces
        self._enumerates = any(
            is_latent(site)
            and site["infer"].get("enumerate") == "parallel"
            and name not in traces[1].nodes
            for name, site in traces[0].nodes.items()
        )
        self._indices: dict[str, Tensor] = {}
        self._checked = False

    def draw(self, size: int | None, given: Mapping[str, Tensor] | None = None) -> _Drawn:
        """One run for ``size`` draws in a plate; or, if it is None, for one draw in no plate.

        :param given: Values of sites that are not drawn.
        """
        guide_trace, model_trace = self._traces(size, {**self._indices, **(given or {})})
        if not self._checked:
            self._first(model_trace, guide_trace)
        depth = self._depth + (size is not None)
        dim, count = (None, 1) if size is None else (-depth, size)
        nesting = depth if size is not None or self._enumerates else math.inf
        log_q = [log_prob(guide_trace, site, nesting) for site in scored_sites(guide_trace)]
        total_q = sum_by_particle(log_q, dim, count) if log_q else torch.zeros(count)
        drawn = {n for n, s in model_trace.nodes.items() if self._is_own(n, s, guide_trace)}
        total_p = self._log_p(model_trace, drawn, nesting, dim, count)
        models, guides = (
            {n: _by_draw(self._shape(i, n, s), s["value"], count) for n, s in _values(t).items()}
            for i, t in ((0, model_trace), (1, guide_trace))
        )
        return _Drawn(total_p.double(), total_q.double(), _known(models), _known(guides))

    def disagreement(self, together: _Drawn) -> str:
        """Why some draws, made again one by one, are not the same; empty if they are."""
        n = len(together.log_p)
        for i in sorted({0, n // 2, n - 1}):
            values = {
                name: value[i] for name, value in {**together.model, **together.guide}.items()
            }
            alone = self.draw(None, values)
            for what in ("log_p", "log_q"):
                one, other = getattr(alone, what)[0], getattr(together, what)[i]
                if not torch.isclose(one, other, rtol=1e-4, atol=1e-3, equal_nan=True):
                    return (
                        f"in the vectorised run draw {i} has {what} {other:.6g}, alone {one:.6g}: "
                        "the programs do not treat the draws independently"
                    )
            for name, value in alone.model.items():
                if name not in together.model:
                    return f"site {name!r} has another shape in the vectorised run"
                if not torch.allclose(value[0], together.model[name][i], 1e-3, 1e-5, True):
                    return f"the value of site {name!r} of draw {i} is another in a run of its own"
        return ""

    def _traces(self, size: int | None, given: Mapping[str, Tensor]) -> tuple[Trace, Trace]:
        model, guide = self._model, self._guide
        if size is not None:
            in_plate = InPlate(size, -1 - self._depth)
            model, guide = in_plate(model), in_plate(guide)
        with TraceMessenger() as guided, _Give(given):
            guide(*self._args, **self._kwargs)
        model = ReplayMessenger(guided.trace)(_Give(given)(model))
        if self._enumerates:
            model = EnumMessenger(-1 - self._depth - (size is not None))(model)
        with TraceMessenger() as modelled:
            model(*self._args, **self._kwargs)
        return guided.trace, modelled.trace

    def _first(self, model_trace: Trace, guide_trace: Trace) -> None:
        """Compare model and guide, and keep the indices of plates that subsample."""
        self._checked = True
        if validation.VALIDATE:
            check_model_guide_match(model_trace, guide_trace)
        sites = [
            site
            for name, site in model_trace.nodes.items()
            if is_sample(site) and is_subsample(site) and name != _PLATE
        ]
        self._indices = {s["name"]: s["value"] for s in sites if len(s["value"]) < s["fn"].size}
        if self._indices:
            warnings.warn(
                f"The plates {list(self._indices)} are subsampled: all draws are weighed by one "
                "random part of the data, scaled up, which is not the posterior. Give the model "
                "all data for a diagnosis.",
                UserWarning,
                stacklevel=5,
            )

    def _is_own(self, name: str, site: Message, guide_trace: Trace) -> bool:
        """Whether the model has drawn a site itself, so that its density is the proposal's."""
        return (
            is_sample(site)
            and is_latent(site)
            and name not in guide_trace.nodes
            and "_enumerate_dim" not in site["infer"]
        )

    def _log_p(
        self, trace: Trace, own: set[str], nesting: float, dim: int | None, count: int
    ) -> Tensor:
        if not self._enumerates:
            terms = [
                log_prob(trace, site, nesting)
                for site in scored_sites(trace)
                if site["name"] not in own
            ]
            return sum_by_particle(terms, dim, count) if terms else torch.zeros(count)
        given, enumerated = split(trace, int(nesting))
        parts = [*(t for t in given if not own.issuperset(t.sites)), *sum_out(enumerated)]
        return _sum_terms(parts, count)

    def _shape(self, which: int, name: str, site: Message) -> torch.Size | None:
        """The shape of a site's value in a run for one draw; None if it had none there."""
        prototype = self._prototypes[which].nodes.get(name)
        value = None if prototype is None else prototype["value"]
        return value.shape if isinstance(value, Tensor) else None


def _sum_terms(terms: Iterable[Term], count: int) -> Tensor:
    """The sum of terms of an enumerated model, for each draw."""
    total = torch.zeros(count)
    for tensor, names, sizes, _ in terms:
        copies = math.prod(s for name, s in sizes.items() if name not in (*names, _PLATE))
        if _PLATE in names:
            part = tensor.movedim(names.index(_PLATE), 0).reshape(count, -1).sum(-1)
        else:
            part = tensor.sum()
        total = total.to(part) + part * copies
    return total


def _values(trace: Trace) -> dict[str, Message]:
    """The sites whose values are of interest: latent and deterministic ones."""
    return {
        name: site
        for name, site in trace.nodes.items()
        if is_sample(site)
        and (is_latent(site) or is_deterministic(site))
        and "_enumerate_dim" not in site["infer"]
        and isinstance(site["value"], Tensor)
    }


def _by_draw(shape: torch.Size | None, value: Tensor, count: int) -> Tensor | None:
    """A site's values with the draws leftmost; None if they cannot be told apart."""
    if shape is None:
        return None
    if value.numel() == count * shape.numel():
        return value.reshape(count, *shape)
    if value.numel() == shape.numel():
        return value.reshape(shape).expand(count, *shape)
    return None


def _known(values: Mapping[str, Tensor | None]) -> dict[str, Tensor]:
    return {name: value for name, value in values.items() if value is not None}


def _joined(runs: _Runs, parts: list[_Drawn], reason: str) -> WeightedDraws:
    prototype = runs._prototypes[0].nodes
    common = set.intersection(*(set(part.model) for part in parts))
    values = {
        name: torch.cat([part.model[name] for part in parts])
        for name in parts[0].model
        if name in common and not is_auxiliary(prototype[name])
    }
    points = tuple(
        name
        for name, value in values.items()
        if not is_deterministic(prototype[name])
        and value.is_floating_point()
        and not getattr(prototype[name]["fn"], "has_enumerate_support", False)
        and len(value) > 1
        and bool((value == value[:1]).all())
    )
    log_p, log_q = (torch.cat([getattr(p, which) for p in parts]) for which in ("log_p", "log_q"))
    return WeightedDraws(log_p, log_q, values, points, reason)
