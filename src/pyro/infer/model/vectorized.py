"""A model's density at many points in one run, by the model's own broadcasting."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import torch
from torch import Tensor

from pyro.infer.elbo.model_enumeration import Term, split, sum_out
from pyro.infer.elbo.scoring import scored_sites
from pyro.infer.model import eager
from pyro.infer.model.density import ModelDensity
from pyro.infer.model.unconstrain import UnconstrainMessenger
from pyro.poutine.enum_messenger import EnumMessenger
from pyro.poutine.messenger import block_messengers
from pyro.poutine.plate_messenger import PlateMessenger
from pyro.poutine.sites import is_deterministic, is_sample, is_subsample
from pyro.poutine.trace_messenger import TraceMessenger
from pyro.poutine.trace_scoring import site_log_prob
from pyro.poutine.trace_struct import Trace
from pyro.primitives.validation import unchecked

_PLATE = "_points"
_TOLERANCE = 1e-4  # of single precision; models that do not broadcast are wrong by far more


class Broadcasting:
    """Runs of a model at many points, in a plate outside of all others.

    :param posterior: The density of the model.
    """

    def __init__(self, posterior: ModelDensity) -> None:
        self.posterior = posterior
        self.depth = _batch_depth(posterior)

    def run(self, x: Tensor) -> tuple[Trace, UnconstrainMessenger]:
        """The trace of the model at points of shape ``(n, dim)``; each value has them leftmost."""
        posterior = self.posterior
        values = {
            site.name: u.reshape(
                u.shape[:1] + self._gap(site.unconstrained_event_dim, u.dim()) + u.shape[1:]
            )
            for site, u in zip(posterior.layout, posterior.flat.unflatten(x).values(), strict=True)
        }
        with block_messengers(lambda handler: True), ExitStack() as stack:
            traced = stack.enter_context(TraceMessenger())
            given = stack.enter_context(UnconstrainMessenger(values, posterior.transforms))
            if posterior.enumerated:
                stack.enter_context(EnumMessenger(first_available_dim=-2 - self.depth))
            stack.enter_context(PlateMessenger(_PLATE, len(x), dim=-1 - self.depth))
            posterior.program(*posterior.args, **posterior.kwargs)
        return traced.trace, given

    def _gap(self, event_dim: int, dims: int) -> tuple[int, ...]:
        """Room for the plates between that of the points and a site's own."""
        return (1,) * (self.depth - (dims - 1 - event_dim))

    def log_density(self, x: Tensor) -> Tensor:
        """The log density at points of shape ``(n, dim)``; gradients flow through it."""
        trace, given = self.run(x)
        total = x.new_zeros(len(x))
        if self.posterior.enumerated:
            terms, enumerated = split(trace, self.depth + 1)
            for term in [*terms, *sum_out(enumerated)]:
                total = total + self._of_term(term)
        else:
            for site in scored_sites(trace):
                total = total + self._per_point(site_log_prob(trace.nodes, site))
        for log_det in given.log_dets.values():
            total = total + self._per_point(log_det)
        return total

    def _per_point(self, tensor: Tensor) -> Tensor:
        """The sum over all dims but that of the points."""
        if tensor.dim() <= self.depth:
            return tensor.sum()
        return tensor.movedim(-1 - self.depth, 0).flatten(1).sum(-1) if tensor.dim() > 1 else tensor

    def _of_term(self, term: Term) -> Tensor:
        if _PLATE not in term.names:
            return term.tensor.sum()
        moved = term.tensor.movedim(term.names.index(_PLATE), 0)
        return moved.flatten(1).sum(-1) if moved.dim() > 1 else moved

    def value_and_grad(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The log density and its gradient at points of shape ``(n, dim)``."""
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            values = self.log_density(leaf)
            if not values.requires_grad:
                return values.detach(), torch.zeros_like(x)
            (grad,) = torch.autograd.grad(values.sum(), leaf, allow_unused=True)
        return values.detach(), torch.zeros_like(x) if grad is None else grad

    def deterministic(self, x: Tensor) -> dict[str, Tensor]:
        """The values of the deterministic sites at points of shape ``(n, dim)``, by name."""
        with torch.no_grad():
            trace = self.run(x)[0]
        result = {}
        for name in names_of_deterministic(self.posterior):
            shape = torch.as_tensor(self.posterior.prototype.nodes[name]["value"]).shape
            value = torch.as_tensor(trace.nodes[name]["value"])
            rank = value.dim() - len(shape)
            whole = value.reshape(-1, *shape) if rank > 0 else value.expand(len(x), *shape)
            result[name] = whole.expand(len(x), *shape)
        return result


def names_of_deterministic(posterior: ModelDensity) -> list[str]:
    """The names of the deterministic sites."""
    nodes = posterior.prototype.nodes
    return [name for name, s in nodes.items() if is_sample(s) and is_deterministic(s)]


def deterministic(posterior: ModelDensity, x: Tensor) -> dict[str, Tensor]:
    """The values of the deterministic sites at points of shape ``batch + (dim,)``, by name.

    In one run of the model, if that gives what runs for single points do.
    """
    if not names_of_deterministic(posterior):
        return {}
    points = x.reshape(-1, posterior.dim)
    if len(points) > 2:
        ends = points[[0, -1]]
        expected = posterior.deterministic(ends)
        try:
            found = Broadcasting(posterior).deterministic(points)
            right = all(
                torch.allclose(found[name][[0, -1]], value, _TOLERANCE, _TOLERANCE, equal_nan=True)
                for name, value in expected.items()
            )
        except (
            Exception
        ):  # the model does not broadcast; runs for single points tell why, if need be
            right = False
        if right:
            return {name: v.reshape(x.shape[:-1] + v.shape[1:]) for name, v in found.items()}
    return posterior.deterministic(x)


class BatchedDensity:
    """The log density of a model at many points at once, in the fastest way that is right.

    ``how`` is "broadcast" (the model's own broadcasting, in a plate of the points), "vmap"
    (``torch.func.vmap``) or "loop"; ``why`` says why not a faster one. A way is chosen only if it
    agrees with runs at single points.

    Example::

        >>> from pyro.infer.model.density import ModelDensity
        >>> from pyro.infer.model.vectorized import BatchedDensity
        >>> def model():
        ...     with pyro.plate("data", 3):
        ...         pyro.sample("x", dist.Normal(0.0, 1.0))
        >>> density = BatchedDensity(ModelDensity(model))
        >>> density.how, density.value_and_grad(torch.zeros(100, 3))[0].shape
        ('broadcast', torch.Size([100]))
    """

    def __init__(self, posterior: ModelDensity) -> None:
        self.posterior = posterior
        self.why: list[str] = []
        self.how = "loop"
        self._evaluate: Callable[[Tensor], tuple[Tensor, Tensor]] = posterior.value_and_grad
        if posterior.dim == 0:
            return
        ways: list[tuple[str, Callable[[Tensor], tuple[Tensor, Tensor]]]] = [
            ("broadcast", Broadcasting(posterior).value_and_grad),
            ("vmap", self._mapped()),
        ]
        for how, evaluate in ways:
            reason = _disagreement(posterior, evaluate)
            if reason is None:
                self.how, self._evaluate = how, evaluate
                return
            self.why.append(f"{how}: {reason}")

    @property
    def dim(self) -> int:
        """The number of coordinates."""
        return self.posterior.dim

    def _mapped(self) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
        both = torch.func.vmap(torch.func.grad_and_value(self.posterior.log_density))

        def value_and_grad(x: Tensor) -> tuple[Tensor, Tensor]:
            with unchecked():  # checks branch on values
                grad, value = both(x)
            return value.detach(), grad.detach()

        return value_and_grad

    def value(self, x: Tensor) -> Tensor:
        """The log density at points of shape ``batch + (dim,)``."""
        return self.value_and_grad(x)[0]

    def value_and_grad(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The log density and its gradient at points of shape ``batch + (dim,)``."""
        if x.dim() == 1:
            return self.posterior.value_and_grad(x)
        values, grads = self._evaluate(x.reshape(-1, self.dim))
        return values.reshape(x.shape[:-1]), grads.reshape(x.shape)


def _disagreement(
    posterior: ModelDensity, evaluate: Callable[[Tensor], tuple[Tensor, Tensor]]
) -> str | None:
    """Why a way to evaluate many points is not right; None if it is."""
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(3, posterior.dim, generator=generator, device="cpu")
    points = points.to(posterior.reference.device, posterior.reference.dtype)
    expected = eager.value_and_grad(posterior.log_density, points)
    try:
        found = evaluate(points)
    except Exception as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    for ours, theirs in zip(found, expected, strict=True):
        if ours.shape != theirs.shape or not torch.allclose(
            ours.double(), theirs.double(), _TOLERANCE, _TOLERANCE, equal_nan=True
        ):
            return "it disagrees with runs at single points: batch dims are not declared as plates"
    return None


def _batch_depth(posterior: ModelDensity) -> int:
    """How many batch dims sites have; those of plates, and those without one."""
    if posterior.enumerated:
        return posterior.max_plate_nesting
    ranks = [
        len(getattr(site["fn"], "batch_shape", ()))
        for site in posterior.prototype.nodes.values()
        if is_sample(site) and not is_subsample(site)
    ]
    return max([posterior.max_plate_nesting, *ranks])
