"""A dispatch mode in which random operations are functions of a key."""

from __future__ import annotations

from typing import Any, final

from torch.utils._python_dispatch import TorchDispatchMode

from pyro.compile.draws.noise import Key, Noise
from pyro.compile.draws.rules import is_random, rule_of
from pyro.compile.draws.work import Work


@final
class Counted(TorchDispatchMode):
    """While it is entered, random operations take their numbers from a key, not a generator.

    Operations without a rule in :data:`~pyro.compile.draws.rules.RULES` draw as ever.

    :param key: as :func:`~pyro.compile.draws.noise.make_key` makes it.
    :ivar noise: counts what has been taken.
    :ivar work: counts operations, and the products within matrix products.

    >>> from pyro.compile.draws import Counted, make_key
    >>> def draw():
    ...     with Counted(make_key(seed=3)):
    ...         return torch.randn(2)
    >>> torch.equal(draw(), draw())
    True
    """

    def __init__(self, key: Key) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.noise = Noise(key)
        self.drew = False  # whether anything was random, in whatever way
        self.work = Work()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # the default imports torch._dynamo: a second

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        self.work.add(func, args)
        if is_random(func):
            self.drew = True
            rule = rule_of(func, kwargs)
            if rule is not None:
                return rule(self.noise.take, *args, **kwargs)
        return func(*args, **kwargs)
