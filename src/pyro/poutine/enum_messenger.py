"""Parallel enumeration: give each enumerated site a tensor dim of its own."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import torch

from pyro.errors import HandlerError, ShapeError
from pyro.ops.shapes import shape_of
from pyro.poutine.messenger import Messenger
from pyro.runtime import STATE, Message

DimToId = dict[int, int]
_NOWHERE: tuple[int, DimToId] = 0, {}


class EnumMessenger(Messenger):
    """Give sites with ``infer={"enumerate": "parallel"}`` all the values of their support.

    The value has shape ``(n, 1, ..., 1) + event_shape``, with the ``n`` values at a batch dim that
    belongs to the site (``infer["_enumerate_dim"]``). ``infer["_dim_to_id"]`` says which
    enumerated variable each visible dim stands for. Outside ``markov`` every site gets a fresh dim;
    inside, the rightmost one that no visible site uses. With ``infer["expand"]`` the value has the
    full batch shape. With ``infer["num_samples"] = n`` it holds ``n`` draws, each made given one of
    the values of every enumerated site that it depends on: draw k given value k (modulo their
    number), or with ``infer["tmc"] = "mixture"`` given a random one.

    :param first_available_dim: Negative, left of all plates: the rightmost dim to use. None goes
        on where the last enumeration of this thread stopped.
    :raises ShapeError: on exit from a site whose distribution uses the value of a site that is not
        visible to it.

    Example::

        >>> def model():
        ...     probs = torch.ones(3) / 3
        ...     z = pyro.sample("z", dist.Categorical(probs), infer={"enumerate": "parallel"})
        ...     with pyro.plate("data", 2):
        ...         pyro.sample("x", dist.Normal(1.0 * z, 1.0), obs=torch.zeros(2))
        >>> trace = poutine.trace(poutine.enum(model, first_available_dim=-2)).get_trace()
        >>> trace.compute_log_prob()
        >>> trace.nodes["z"]["value"].shape, trace.nodes["x"]["log_prob"].shape
        (torch.Size([3, 1]), torch.Size([3, 2]))
    """

    _keeps_notes = True

    def __init__(self, first_available_dim: int | None = None) -> None:
        if first_available_dim is not None and first_available_dim >= 0:
            raise HandlerError(
                f"enum: first_available_dim must be negative, but got {first_available_dim}"
            )
        self.first_available_dim = first_available_dim

    def __enter__(self) -> Any:
        self._before = STATE.next_enum_dim, STATE.next_enum_id
        super().__enter__()
        self._reset()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        if exc_type is None:
            STATE.next_enum_dim = self._leftmost - 1
        else:
            STATE.next_enum_dim, STATE.next_enum_id = self._before
        return super().__exit__(exc_type, exc_value, traceback)

    def _reset(self) -> None:
        STATE.next_enum_dim, STATE.next_enum_id = self._before
        if self.first_available_dim is not None:
            STATE.next_enum_dim, STATE.next_enum_id = self.first_available_dim, 0
        self._first = STATE.next_enum_dim
        self._leftmost = self._first + 1
        self._global: DimToId = {}  # dims of the values of sites outside markov
        self._inner: dict[str, tuple[int, DimToId]] = {}  # depth and value's dims of the others

    def _pyro_sample(self, msg: Message) -> None:
        infer = msg["infer"]
        visible = self._visible(msg)
        if not msg["done"] and not msg["is_observed"] and infer.get("enumerate") == "parallel":
            _check_room(msg, self._first)
            dim = self._allocate(infer.get("_markov_depth", 0), visible)
            msg["value"] = enumerated_values(msg, dim, self._first)
            msg["done"] = True
            visible[dim] = STATE.next_enum_id
            STATE.next_enum_id += 1
            infer["_enumerate_dim"] = dim
        _check_upstream(msg, visible, self._first)
        infer["_dim_to_id"] = visible

    def _pyro_post_sample(self, msg: Message) -> None:
        infer, value = msg["infer"], msg["value"]
        mapping = infer.get("_dim_to_id")
        if not mapping or not isinstance(value, torch.Tensor):
            return
        shape = shape_of(value)
        batch_dim = len(shape)
        if event_dim := getattr(msg["fn"], "event_dim", 0):
            batch_dim -= event_dim
            shape = shape[:batch_dim]
        own: DimToId = {}
        if batch_dim > 0:
            own = {dim: i for dim, i in mapping.items() if batch_dim >= -dim and shape[dim] > 1}
        depth = infer.get("_markov_depth", 0)
        if depth:
            self._inner[msg["name"]] = depth, own
        else:
            self._global.update(own)

    def _visible(self, msg: Message) -> DimToId:
        """Which variable each dim stands for, as far as the site may depend on it."""
        visible: DimToId = dict(msg["infer"].get("_dim_to_id", ())) if msg["done"] else {}
        parts = [self._global]
        scope = msg["infer"].get("_markov_scope")
        for name, count in scope.items() if scope else ():
            depth, dims = self._inner.get(name, _NOWHERE)
            if count == depth:
                parts.append(dims)
        for part in parts:
            for dim, variable in part.items():
                if visible.setdefault(dim, variable) != variable:
                    raise _conflict(msg, dim)
        return visible

    def _allocate(self, markov_depth: int, visible: DimToId) -> int:
        dim = STATE.next_enum_dim
        if markov_depth:
            while dim in visible:
                dim -= 1
        else:
            STATE.next_enum_dim -= 1
        self._leftmost = min(self._leftmost, dim)
        return dim


def enumerated_values(msg: Message, dim: int, first: int) -> torch.Tensor:
    """All values of a site's support (or ``num_samples`` draws) along a batch dim.

    :param first: The rightmost dim of enumeration.
    :return: Of shape ``(n, 1, ..., 1) + event_shape`` with n at ``dim``; the batch dims right of
        ``first`` are those of the distribution when the site says ``expand`` or ``num_samples``.
    """
    fn, infer = msg["fn"], msg["infer"]
    if infer.get("num_samples") is not None:
        return _drawn_values(msg, dim, first)
    batch = len(fn.batch_shape)
    if batch >= -dim and fn.batch_shape[dim] != 1:
        raise _conflict(msg, dim)
    expand = infer.get("expand", False)
    draws = fn.enumerate_support(expand=expand)
    if not expand:
        shape = shape_of(draws)
        wanted = shape[:1] + (1,) * (-1 - dim) + shape[1 + batch :]
        values: torch.Tensor = draws if shape == wanted else draws.reshape(wanted)
        return values
    if batch < -dim:
        ones = (1,) * (-1 - dim - batch)
        expanded: torch.Tensor = draws.reshape(draws.shape[:1] + ones + draws.shape[1:])
        return expanded
    swapped: torch.Tensor = draws.transpose(0, dim - fn.event_dim).squeeze(0)
    return swapped


def _drawn_values(msg: Message, dim: int, first: int) -> torch.Tensor:
    """Draws along a batch dim, each made given one of the values of the sites it depends on."""
    fn, infer = msg["fn"], msg["infer"]
    count = infer["num_samples"]
    draws = fn((count,))
    rank = len(fn.batch_shape)
    plates = draws.shape[1 + max(0, rank + first + 1) : 1 + rank]
    index_shape = (count,) + (1,) * max(0, rank + first + 1) + tuple(plates)
    for axis in range(1, rank + first + 2):
        size = draws.shape[axis]
        if size == 1:
            continue
        if infer.get("tmc") == "mixture":
            chosen = torch.randint(size, index_shape, device=draws.device)
        else:
            chosen = torch.arange(count, device=draws.device) % size
            chosen = chosen.reshape((count,) + (1,) * (len(index_shape) - 1))
        chosen = chosen.reshape(chosen.shape + (1,) * fn.event_dim)
        wanted = (*draws.shape[:axis], 1, *draws.shape[axis + 1 :])
        draws = draws.gather(axis, chosen.expand(wanted))
    ones = (1,) * (-1 - dim - len(plates))
    values: torch.Tensor = draws.reshape((count,) + ones + tuple(plates) + fn.event_shape)
    return values


def _check_room(msg: Message, first: int) -> None:
    """Refuse plates on dims that are for enumeration."""
    for frame in msg["cond_indep_stack"]:
        if frame.dim is not None and frame.dim <= first:
            raise ShapeError(
                f'at site "{msg["name"]}", plate("{frame.name}") is at dim {frame.dim}, but dims '
                f"from {first} leftwards are for enumeration. Try increasing max_plate_nesting to "
                f"at least {-frame.dim} (first_available_dim to {frame.dim - 1})."
            )


def _check_upstream(msg: Message, visible: DimToId, first: int) -> None:
    """Refuse a distribution that varies along an enumeration dim that is not visible here."""
    shape = getattr(msg["fn"], "batch_shape", ())
    if len(shape) < -first:
        return
    for dim in range(-len(shape), first + 1):
        hidden = shape[dim] > 1 and dim not in visible
        if hidden and all(frame.dim != dim for frame in msg["cond_indep_stack"]):
            raise _conflict(msg, dim)


def _conflict(msg: Message, dim: int) -> ShapeError:
    shape = tuple(getattr(msg["fn"], "batch_shape", ()))
    return ShapeError(
        f'Enumeration dim conflict at site "{msg["name"]}": its distribution, of batch shape '
        f"{shape}, depends at dim {dim} on an enumerated site that it may not see. "
        "Try increasing pyro.markov history size, or move the site into the markov context. If the "
        "dim is one of independent values, declare it: pyro.plate, or to_event."
    )
