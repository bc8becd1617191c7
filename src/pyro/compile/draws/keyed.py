"""A function mode in which random operations are functions of a key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

from torch.overrides import TorchFunctionMode

from pyro.compile.draws.counted import Counted
from pyro.compile.draws.noise import Key
from pyro.compile.pure_functions import DRAWLESS


@final
class Keyed(TorchFunctionMode):
    """The same random numbers as in :class:`Counted`, in less time; nothing is counted.

    Only calls of functions that may draw are looked into.

    :param key: as :func:`~pyro.compile.draws.noise.make_key` makes it.

    >>> from pyro.compile.draws import Counted, Keyed, make_key
    >>> with Counted(make_key(seed=3)):
    ...     expected = torch.rand(2), torch.randn(2)
    >>> with Keyed(make_key(seed=3)):
    ...     found = torch.rand(2), torch.randn(2)
    >>> all(map(torch.equal, found, expected))
    True
    """

    def __init__(self, key: Key) -> None:
        super().__init__()
        self._counted = Counted(key)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in DRAWLESS:
            return func(*args, **kwargs)
        with self._counted:
            return func(*args, **kwargs)
