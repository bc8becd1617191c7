"""Updates of optimisers as tensor programs: vectors of all parameters go in and come out.

Each is that of the torch optimiser it is registered for, with the scalars that change from step to
step (rates, powers of decay rates) as numbers that are carried along.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop

from pyro.optim.adagrad_rmsprop import AdagradRMSProp
from pyro.optim.clipped_adam import ClippedAdam

Options = Mapping[str, Any]
_ANY = ("base_momentum", "max_momentum", "foreach", "fused")


class Moved(NamedTuple):
    """Parameters, state by name, and scalars after an update."""

    params: Tensor
    state: dict[str, Tensor]
    scalars: list[Tensor]


class Update(ABC):
    """The update of one parameter group.

    :param options: The group, as torch keeps it.
    """

    counts = True  # whether the state has a number of steps

    def __init__(self, options: Options) -> None:
        self.options = options

    @property
    def moves_rate(self) -> bool:
        """Whether a step changes the learning rate."""
        return False

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """What the state holds for each element."""

    @abstractmethod
    def scalars(self, steps: int) -> list[float]:
        """The numbers that are carried along, after so many steps."""

    @abstractmethod
    def __call__(
        self, p: Tensor, g: Tensor, state: Mapping[str, Tensor], scalars: list[Tensor]
    ) -> Moved:
        """One update."""

    def rate(self, scalars: list[float]) -> float:
        """The learning rate that torch keeps in the group, from the scalars."""
        found: float = self.options["lr"]
        return found

    def initial(self, p: Tensor) -> dict[str, Any] | None:
        """The state before the first step as torch makes it; None if that takes a gradient."""
        return None

    @property
    def fixed(self) -> dict[str, Any]:
        """The options that are part of the program; the others are read before each step."""
        free = ("params", "lr", "initial_lr", "max_lr", "min_lr", "momentum", "betas", *_ANY)
        found = {name: value for name, value in self.options.items() if name not in free}
        found["momentum"] = bool(self.options.get("momentum"))
        found["beta2"] = self.options.get("betas", (None, None))[1]
        return found

    def why_not(self) -> str | None:
        """The option that cannot be had this way, if there is one."""
        for name in ("amsgrad", "maximize", "capturable", "differentiable"):
            if self.options.get(name):
                return f"{name}={self.options[name]!r}"
        return None

    def _decayed(self, p: Tensor, g: Tensor) -> Tensor:
        weight = self.options["weight_decay"]
        return g + weight * p if weight else g


class _FromZeros(Update):
    """An update whose state begins with zeros."""

    def initial(self, p: Tensor) -> dict[str, Any] | None:
        zeros = {n: torch.zeros_like(p, memory_format=torch.preserve_format) for n in self.names}
        return {"step": self._no_steps(p), **zeros}

    def _no_steps(self, p: Tensor) -> Tensor | int:
        """Zero, on the device of the parameter where the update is a single kernel."""
        if self.options.get("fused"):
            return torch.zeros((), dtype=torch.float32, device=p.device)
        wide = torch.promote_types(torch.get_default_dtype(), torch.float32)
        return torch.zeros((), dtype=wide)


class _Adam(_FromZeros):
    names = ("exp_avg", "exp_avg_sq")

    def scalars(self, steps: int) -> list[float]:
        first, second = self.options["betas"]
        return [self.options["lr"], first, first**steps, second**steps]

    def __call__(
        self, p: Tensor, g: Tensor, state: Mapping[str, Tensor], scalars: list[Tensor]
    ) -> Moved:
        rate, beta1, power1, power2 = scalars
        beta2 = self.options["betas"][1]
        power1, power2 = power1 * beta1, power2 * beta2
        if self.options.get("decoupled_weight_decay"):
            p = p * (1 - rate * self.options["weight_decay"])
        else:
            g = self._decayed(p, g)
        first = beta1 * state["exp_avg"] + (1 - beta1) * g
        second = beta2 * state["exp_avg_sq"] + (1 - beta2) * g * g
        denominator = second.sqrt() / (1 - power2).sqrt() + self.options["eps"]
        moved = p - rate / (1 - power1) * (first / denominator)
        return Moved(moved, {"exp_avg": first, "exp_avg_sq": second}, [rate, beta1, power1, power2])


class _ClippedAdam(_Adam):
    def _no_steps(self, p: Tensor) -> Tensor | int:
        return 0

    def __call__(
        self, p: Tensor, g: Tensor, state: Mapping[str, Tensor], scalars: list[Tensor]
    ) -> Moved:
        rate, beta1, power1, power2 = scalars
        beta2 = self.options["betas"][1]
        rate, power1, power2 = rate * self.options["lrd"], power1 * beta1, power2 * beta2
        bound = self.options["clip_norm"]
        g = self._decayed(p, g.clamp(-bound, bound))
        first = beta1 * state["exp_avg"] + (1 - beta1) * g
        deviation = g - first if self.options["centered_variance"] else g
        second = beta2 * state["exp_avg_sq"] + (1 - beta2) * deviation * deviation
        size = rate * (1 - power2).sqrt() / (1 - power1)
        moved = p - size * (first / (second.sqrt() + self.options["eps"]))
        return Moved(moved, {"exp_avg": first, "exp_avg_sq": second}, [rate, beta1, power1, power2])

    @property
    def moves_rate(self) -> bool:
        return bool(self.options["lrd"] != 1)

    def rate(self, scalars: list[float]) -> float:
        return scalars[0]


class _SGD(Update):
    counts = False

    @property
    def names(self) -> tuple[str, ...]:
        return ("momentum_buffer",) if self.options["momentum"] else ()

    def scalars(self, steps: int) -> list[float]:
        return [self.options["lr"], self.options["momentum"]]

    def __call__(
        self, p: Tensor, g: Tensor, state: Mapping[str, Tensor], scalars: list[Tensor]
    ) -> Moved:
        g = self._decayed(p, g)
        found: dict[str, Tensor] = {}
        momentum = scalars[1]
        if self.options["momentum"]:
            buffer = momentum * state["momentum_buffer"] + (1 - self.options["dampening"]) * g
            found["momentum_buffer"] = buffer
            g = g + momentum * buffer if self.options["nesterov"] else buffer
        return Moved(p - scalars[0] * g, found, scalars)


class _Adagrad(Update):
    names = ("sum",)

    def scalars(self, steps: int) -> list[float]:
        return [self.options["lr"], float(steps)]

    def __call__(
        self, p: Tensor, g: Tensor, state: Mapping[str, Tensor], scalars: list[Tensor]
    ) -> Moved:
        rate, steps = scalars
        g = self._decayed(p, g)
        total = state["sum"] + g * g
        size = rate / (1 + steps * self.options["lr_decay"])
        moved = p - size * (g / (total.sqrt() + self.options["eps"]))
        return Moved(moved, {"sum": total}, [rate, steps + 1])


class _RMSprop(_FromZeros):
    @property
    def names(self) -> tuple[str, ...]:
        extra = {"momentum": "momentum_buffer", "centered": "grad_avg"}
        return ("square_avg", *(name for key, name in extra.items() if self.options[key]))

    def scalars(self, steps: int) -> list[float]:
        return [self.options["lr"], self.options["momentum"]]

    def __call__(
        self, p: Tensor, g: Tensor, state: Mapping[str, Tensor], scalars: list[Tensor]
    ) -> Moved:
        g = self._decayed(p, g)
        alpha, momentum = self.options["alpha"], scalars[1]
        average = alpha * state["square_avg"] + (1 - alpha) * g * g
        found, root = {"square_avg": average}, average
        if self.options["centered"]:
            mean = alpha * state["grad_avg"] + (1 - alpha) * g
            found["grad_avg"], root = mean, average - mean * mean
        direction = g / (root.sqrt() + self.options["eps"])
        if self.options["momentum"]:
            direction = momentum * state["momentum_buffer"] + direction
            found["momentum_buffer"] = direction
        return Moved(p - scalars[0] * direction, found, scalars)


class _AdagradRMSProp(Update):
    names = ("sum",)

    def scalars(self, steps: int) -> list[float]:
        return [float(steps)]

    def __call__(
        self, p: Tensor, g: Tensor, state: Mapping[str, Tensor], scalars: list[Tensor]
    ) -> Moved:
        steps = scalars[0] + 1
        t = self.options["t"]
        total = (1 - t) * state["sum"] + t * g * g
        size = self.options["eta"] * torch.exp((self.options["delta"] - 0.5) * steps.log())
        return Moved(p - size * (g / (1 + total.sqrt())), {"sum": total}, [steps])


UPDATES: dict[type[Optimizer], Callable[[Options], Update]] = {
    Adam: _Adam,
    AdamW: _Adam,
    ClippedAdam: _ClippedAdam,
    SGD: _SGD,
    Adagrad: _Adagrad,
    RMSprop: _RMSprop,
    AdagradRMSProp: _AdagradRMSProp,
}
