"""Integrate conjugate latent sites out."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

import torch
import torch.distributions as td

from pyro.distributions.unit import Unit
from pyro.errors import HandlerError
from pyro.poutine import sites
from pyro.poutine.broadcast_messenger import broadcast_to_plate
from pyro.poutine.conjugacy import PRIORS, ConjugateBelief, GaussianBelief
from pyro.poutine.dependence import Ancestry, jacobian
from pyro.poutine.messenger import Messenger
from pyro.runtime import Message, apply_stack, get_plates, new_message

Belief = ConjugateBelief | GaussianBelief


class CollapseMessenger(Messenger):
    """Replace conjugate latent sites and the observations of them by exact marginal likelihoods.

    Collapsed are latent Beta (observed through Bernoulli, Binomial, Geometric), Gamma (Poisson,
    Exponential), Dirichlet (Categorical, Multinomial, OneHotCategorical) and Normal sites. A
    normal's location may be an affine function of other collapsed normals: their joint Gaussian
    is integrated out. Handlers outside see, when the scope ends, one factor per independent group,
    named after its first latent site: ``name + "_marginal"``.

    Inside, the value of a collapsed site is a placeholder drawn from the prior, which later sites
    may use as above. ``pyro.barrier(value)``, and the return value of a wrapped function, are
    posterior draws given the observations so far. Branching on a placeholder, or ``.item()`` of
    it, goes unnoticed: pass it through ``pyro.barrier`` first. A site with
    ``infer={"collapse": False}`` is left as it is.

    :raises HandlerError: if a placeholder is used in a way that cannot be integrated exactly, or
        the sites of a group are scaled differently.

    Example::

        >>> @poutine.collapse
        ... def model(data):
        ...     p = pyro.sample("p", dist.Beta(1.0, 1.0))
        ...     with pyro.plate("data", len(data)):
        ...         pyro.sample("x", dist.Bernoulli(p), obs=data)
        ...     return p  # a draw from the posterior, Beta(3, 2)
        >>> trace = poutine.trace(model).get_trace(torch.tensor([1.0, 1.0, 0.0]))
        >>> "p" in trace, list(trace.observation_nodes)
        (False, ['p_marginal'])
        >>> print(f"{trace.log_prob_sum().exp():.4f}")  # B(3, 2) = 1 / 12
        0.0833
    """

    def __enter__(self) -> Any:
        self._beliefs: list[Belief] = []
        self._drawn: dict[str, torch.Tensor] = {}
        self._cuts: list[Any] = []  # graph nodes of draws: what depends on them is as usual
        self._outer = [frame for frame in get_plates() if frame.dim is not None]
        self._grad_was = torch.is_grad_enabled()
        super().__enter__()
        torch.set_grad_enabled(True)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        torch.set_grad_enabled(self._grad_was)
        result = super().__exit__(exc_type, exc_value, traceback)
        if exc_type is None:
            for belief in self._beliefs:
                self._emit(belief)
        return result

    def __call__(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        if not callable(fn):
            return super().__call__(fn)  # raises

        @functools.wraps(fn, updated=())
        def collapsed(*args: Any, **kwargs: Any) -> Any:
            with CollapseMessenger() as handler:
                return handler.realise(fn(*args, **kwargs))

        return collapsed

    def _reset(self) -> None:
        self._beliefs, self._drawn, self._cuts = [], {}, []

    def _pyro_post_barrier(self, msg: Message) -> None:
        msg["value"] = self.realise(msg["value"])

    def _pyro_sample(self, msg: Message) -> None:
        if sites.is_subsample(msg):
            return
        names = self._placeholders(msg)
        latent = not msg["is_observed"] and not msg["done"]
        if names and names & self._drawn.keys():
            raise _unusable(msg, names, "pyro.barrier has drawn it: use the value it returned")
        if latent and msg["infer"].get("collapse", True):
            if self._collapse(msg, names):
                msg["done"] = msg["stop"] = True
                return
        elif names and msg["is_observed"] and self._absorb(msg, names):
            msg["done"] = msg["stop"] = True
            return
        if names:
            raise _unusable(msg, names, "no conjugacy for this is known")

    def _collapse(self, msg: Message, names: set[str]) -> bool:
        for frame in reversed(self._outer):
            assert frame.dim is not None
            broadcast_to_plate(msg, frame.name, frame.dim, frame.size)
        family, fn = _base(msg["fn"])
        normal = family == "Normal" and not self._outer
        if not (normal and self._affine(fn)) and (names or family not in PRIORS):
            return False
        if msg["mask"] not in (None, True):
            raise HandlerError(f"collapse: the latent site {msg['name']!r} is masked")
        value = fn.sample().detach().requires_grad_()
        if normal:
            self._group(msg, names).extend(msg["name"], fn, value)
        else:
            fields = PRIORS[family].parameters
            prior = type(fn)(*(getattr(fn, name) for name in fields), validate_args=False)
            belief = ConjugateBelief(family, prior, msg["scale"], [msg["name"]], [value])
            self._beliefs.append(belief)
        msg["value"] = value
        return True

    def _absorb(self, msg: Message, names: set[str]) -> bool:
        family, fn = _base(msg["fn"])
        if self._depends(msg["value"]) or msg["infer"].get("_deterministic"):
            return False
        mask = msg["mask"]
        if isinstance(mask, torch.Tensor):
            mask = mask.reshape(mask.shape + (1,) * (msg["fn"].event_dim - fn.event_dim))
        belief = self._group(msg, names)
        if isinstance(belief, ConjugateBelief):
            return len(names) == 1 and belief.absorb(family, fn, msg["value"], mask)
        if family != "Normal" or not self._affine(fn):
            return False
        belief.absorb(fn, msg["value"], mask)
        return True

    def _group(self, msg: Message, names: set[str]) -> Any:
        """The belief that a site joins: that of its placeholders, merged if there are several."""
        groups = [belief for belief in self._beliefs if names & set(belief.names)]
        if not groups:
            groups = [GaussianBelief(msg["scale"])]
            self._beliefs += groups
        first, *others = groups
        for belief in groups:
            if not _equal(belief.scale, msg["scale"]):
                raise _unusable(msg, names, "its scale differs (by subsampling or poutine.scale)")
        for other in others:
            if not isinstance(first, GaussianBelief) or not isinstance(other, GaussianBelief):
                raise _unusable(msg, names, "it depends on several latent sites")
            first.merge(other)
            self._beliefs.remove(other)
        return first

    def _affine(self, fn: Any) -> bool:
        """Whether a normal's location is affine in normal placeholders, its scale fixed."""
        other = {
            name
            for belief in self._beliefs
            if isinstance(belief, ConjugateBelief)
            for name in belief.names
        }
        if self._depends(fn.scale) or self._depends(fn.loc) & other:
            return False
        return self._ancestry().is_affine(fn.loc)

    def _ancestry(self) -> Ancestry:
        return Ancestry([leaf for b in self._beliefs for leaf in b.values], self._cuts)

    def _depends(self, value: Any) -> set[str]:
        """The names of the placeholders that a value was computed from."""
        if not isinstance(value, torch.Tensor):
            return set()
        names = [name for belief in self._beliefs for name in belief.names]
        return {names[i] for i in self._ancestry().sources(value)}

    def _placeholders(self, msg: Message) -> set[str]:
        parts = [*_tensors(msg["fn"]), msg["value"]]
        return set().union(*(self._depends(part) for part in parts))

    def realise(self, value: Any) -> Any:
        """Replace placeholders in a tensor or a nest of tuples, lists and dicts by draws."""
        if isinstance(value, torch.Tensor):
            names = self._depends(value)
            return self._realise_tensor(value, names) if names else value
        if isinstance(value, dict):
            return {key: self.realise(item) for key, item in value.items()}
        if type(value) in (tuple, list):
            return type(value)(self.realise(item) for item in value)
        return value

    def _realise_tensor(self, value: torch.Tensor, names: set[str]) -> torch.Tensor:
        for belief in self._beliefs:
            if names & set(belief.names) and belief.names[0] not in self._drawn:
                self._drawn.update(belief.draw())
        old = {n: v for b in self._beliefs for n, v in zip(b.names, b.values, strict=True)}
        order = sorted(names)
        if value is old[order[0]]:
            return self._cut(self._drawn[order[0]])
        if not self._ancestry().is_affine(value):
            raise HandlerError(
                f"collapse: cannot draw a nonlinear function of {_listed(names)}; pass the sites' "
                "values themselves through pyro.barrier before using them"
            )
        moves = torch.cat([(self._drawn[name] - old[name]).reshape(-1) for name in order])
        slope = jacobian(value, [old[name] for name in order])
        return self._cut(value + (slope @ moves).reshape(value.shape))

    def _cut(self, draw: torch.Tensor) -> torch.Tensor:
        """A draw that no longer counts as computed from placeholders; gradients still pass."""
        draw = draw.clone()
        if draw.requires_grad:
            self._cuts.append(draw.grad_fn)
        return draw

    def _emit(self, belief: Belief) -> None:
        """Show the handlers outside the marginal likelihood of a group."""
        log_factor = belief.log_evidence * belief.scale
        kept = {frame.dim for frame in self._outer}
        summed = [dim for dim in range(-log_factor.dim(), 0) if dim not in kept]
        if summed:
            log_factor = log_factor.sum(summed, keepdim=bool(kept))
        fn = Unit(log_factor if self._grad_was else log_factor.detach())
        name = f"{belief.names[0]}_marginal"
        msg = new_message("sample", name, fn, value=fn.sample(), infer={"is_auxiliary": True})
        apply_stack(msg)


def _base(fn: Any) -> tuple[str, Any]:
    """The family and the distribution under ``to_event``."""
    while isinstance(fn, td.Independent):
        fn = fn.base_dist
    family = type(fn).__name__
    exact = getattr(td, family, None)
    return (family if exact is not None and isinstance(fn, exact) else "", fn)


def _tensors(part: Any) -> Iterator[torch.Tensor]:
    """The tensors that a distribution is made of."""
    if isinstance(part, torch.Tensor):
        yield part
    elif isinstance(part, list | tuple):
        for item in part:
            yield from _tensors(item)
    elif isinstance(part, td.Distribution | td.Transform):
        for item in vars(part).values():
            yield from _tensors(item)


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor) or isinstance(b, torch.Tensor):
        return a is b
    return bool(a == b)


def _listed(names: set[str]) -> str:
    return ", ".join(repr(name) for name in sorted(names))


def _unusable(msg: Message, names: set[str], reason: str) -> HandlerError:
    family = type(msg["fn"]).__name__
    return HandlerError(
        f"collapse: site {msg['name']!r} ({family}) depends on the collapsed site "
        f"{_listed(names)}, but {reason}. Leave the latent site as it is, "
        "infer={'collapse': False}, or draw it with pyro.barrier before it is used here."
    )
