"""The posterior density of a model as machine code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyro.collector import collector_paused
from pyro.compile import NativeDensity, NotCapturable, compile_value_and_grad, switch
from pyro.compile.density import compile_on_sight
from pyro.compile.not_capturable import capture_failure, reason_of
from pyro.compile.verify import Known
from pyro.distributions.twins import twins
from pyro.distributions.validation import trusted_values
from pyro.infer.model.density import ModelDensity
from pyro.infer.model.draft import LONGEST, Draft
from pyro.infer.model.posterior import Posterior
from pyro.infer.prototype import looking
from pyro.logger import log
from pyro.ops.contract import loops_are_cheap
from pyro.primitives.validation import unchecked

_DIFFERENT = 1 << 12
"""Coordinates of a draft that are drawn; with more, they come again."""


class Compilation(NamedTuple):
    """The machine code of a density, or why there is none."""

    density: NativeDensity | None
    reason: str = ""


def compile_density(
    model: Callable[..., Any], *args: Any, dtype: torch.dtype = torch.float64, **kwargs: Any
) -> NativeDensity:
    r"""The posterior log density of a model in unconstrained coordinates, as machine code.

    The function is that of :class:`~pyro.infer.model.density.ModelDensity`:
    :math:`\log p(T(u), y) + \log|\det T'(u)|`. It is computed in double precision, whatever the
    dtype of the model and of its arrays.

    :param model: A function that calls ``pyro.sample``; ``args`` and ``kwargs`` are its arguments.
    :param dtype: The type of large arrays in memory; float32 halves the traffic with large data.
        Points, values and gradients are float64, whatever it is. The model is not given it.
    :return: A log density with ``value(x)``, ``value_and_grad(x)``, the ``address`` of its C
        function, and a ``report()``.
    :raises ValueError: if ``dtype`` is neither float64 nor float32.
    :raises NotCapturable: if the density cannot be compiled; it says why, and where in the model.

    Example::

        >>> from pyro.infer import compile_density
        >>> def model(data):
        ...     loc = pyro.sample("loc", dist.Normal(0.0, 10.0))
        ...     with pyro.plate("data", len(data)):
        ...         pyro.sample("x", dist.Normal(loc, 1.0), obs=data)
        >>> density = compile_density(model, torch.tensor([1.0, 3.0]))
        >>> density.value_and_grad(torch.tensor([2.0]))[1]  # the gradient of the prior is left
        tensor([-0.0200])
    """
    if dtype is torch.float64:
        found = _drafted(model, args, kwargs)
        if found is not None:
            return found
    return _compiled(ModelDensity(model, *args, **kwargs), dtype)


def try_compile(posterior: Posterior) -> Compilation:
    """The machine code of a posterior's density, or the reason why there is none.

    The setting ``compile_enabled`` (``PYRO_COMPILE=0``) is one.
    """
    if not switch.ENABLED:
        return Compilation(None, "switched off (compile_enabled, PYRO_COMPILE)")
    if posterior.reference.device.type != "cpu":
        return Compilation(None, f"the model lives on {posterior.reference.device}")
    try:
        return Compilation(_compiled(posterior))
    except Exception as error:  # a failure of the model itself shows when it is run
        return Compilation(None, _reason(error))


def _reason(error: BaseException) -> str:
    """One line; what the compiler says, if it is the cause."""
    cause = capture_failure(error)
    if cause is None or cause is error:
        return reason_of(error)
    return f"{str(error).splitlines()[0]} {reason_of(cause)}"  # the error around it names the site


@contextmanager
def _recordable() -> Iterator[None]:
    """Around runs of a model that are recorded, and those that they are compared with."""
    # checks branch on values
    with unchecked(), trusted_values(), loops_are_cheap(), twins(), collector_paused():
        yield


def _compiled(posterior: Posterior, dtype: torch.dtype = torch.float64) -> NativeDensity:
    like = posterior.reference
    with _recordable():
        return compile_value_and_grad(
            posterior.log_density,
            _inner_point(posterior.dim, like.dtype),
            dtype=dtype,
            known=posterior.known_value,
        )


def _drafted(
    model: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> NativeDensity | None:
    """The density, recorded before it is known which sites there are; None if that fails.

    They are looked at while LLVM works. What is wrong with a model is said by the other way.
    """
    draft = Draft(model, args, kwargs)
    x = _inner_point(_DIFFERENT, torch.get_default_dtype()).repeat(LONGEST // _DIFFERENT)

    def described() -> tuple[Callable[[Tensor], Tensor], Known]:
        posterior = ModelDensity(model, *args, **kwargs)
        if posterior.flat.places != draft.places or posterior.reference.dtype is not x.dtype:
            raise NotCapturable("a run with other values has other sites", "no line of the program")
        return _recordable()(posterior.log_density), _recordable()(posterior.known_value)

    try:
        with looking(keep_params=False), collector_paused():
            return compile_on_sight(_recordable()(draft.log_density), x, described)
    except Exception as error:
        log.debug("the model is looked at before its density is recorded: %r", error)
        return None


def _inner_point(dim: int, dtype: torch.dtype) -> Tensor:
    """A point near the centre of unconstrained space, where densities are finite."""
    generator = torch.Generator().manual_seed(0)
    return 0.1 * torch.randn(dim, generator=generator, dtype=torch.float64).to(dtype)
