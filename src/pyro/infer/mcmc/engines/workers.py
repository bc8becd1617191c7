"""Work on something that is sent once, in processes of our own or by an executor of the user's."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import uuid
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor
from typing import Any

import torch

from pyro.infer.errors import InferenceError

Function = Callable[..., Any]
_LOST = (BrokenExecutor, CancelledError, ConnectionError, EOFError)
_LOST_BY_NAME = frozenset(
    {
        "distributed.scheduler.KilledWorker",
        "distributed.comm.core.CommClosedError",
        "ray.exceptions.WorkerCrashedError",
        "ray.exceptions.RayActorError",
        "ray.exceptions.NodeDiedError",
    }
)

_halt: Any = None
_prepared: dict[str, Any] = {}  # in a worker: what it made of what it was sent, of the last run


def is_lost(error: BaseException) -> bool:
    """Whether a future raises this because its worker is gone.

    Example::

        >>> from pyro.infer.mcmc.engines.workers import is_lost
        >>> is_lost(ConnectionResetError()), is_lost(ValueError())
        (True, False)
    """
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
    return isinstance(error, _LOST) or bool(names & _LOST_BY_NAME)


class Workers:
    """Calls ``function(prepare(shared), *order)`` elsewhere.

    ``prepare(shared)`` is computed once per worker. With an ``executor`` of the user's everything
    is pickled; processes of our own get ``shared`` when they start, so that with the start method
    "fork" it may be anything.

    :param count: How many processes, without an executor.
    :param mp_context: How processes are started: "fork", "spawn" or "forkserver"; by default as
        Python does, but "spawn" if ``on_cpu`` is False.
    """

    def __init__(
        self,
        prepare: Function,
        shared: Any,
        count: int,
        *,
        executor: Executor | None = None,
        mp_context: str | None = None,
        on_cpu: bool = True,
    ) -> None:
        self._prepare, self._shared = prepare, shared
        self._token = uuid.uuid4().hex
        self._count = count
        self._method = mp_context if mp_context or on_cpu else "spawn"
        self._executor = executor
        self._pool: ProcessPoolExecutor | None = None
        self._halt: Any = None

    def submit(self, function: Function, *order: Any) -> Future[Any]:
        """Call the function in some worker.

        :raises InferenceError: if the user's executor is broken for good.
        """
        if self._executor is not None:
            return self._submit_to(self._executor, function, *order)
        if self._pool is None:
            self._pool = self._new_pool()
        return self._pool.submit(_call_installed, self._token, function, *order)

    def _submit_to(self, executor: Executor, function: Function, *order: Any) -> Future[Any]:
        sent = (self._token, self._prepare, self._shared)
        try:
            return executor.submit(_call_sent, sent, function, *order)
        except BrokenExecutor as error:
            raise InferenceError(
                f"MCMC: the executor, a {type(executor).__name__}, has lost a worker and takes no "
                'more work. Leave it out: chain_method="parallel" replaces processes that are '
                "lost. With checkpoint=path, resume=True goes on from the draws that there are."
            ) from error

    def _new_pool(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context(self._method)
        if context.get_start_method() != "fork":
            _require_pickle(self._shared)
        self._halt = context.Event()
        sent = (self._token, self._prepare, self._shared, self._halt)
        return ProcessPoolExecutor(self._count, context, _install, sent)

    def halt(self) -> bool:
        """Ask processes of our own to end what they do; whether there are any that can be asked."""
        if self._halt is None:
            return False
        self._halt.set()
        return True

    def replace(self) -> bool:
        """After a worker was lost: the next call is made by others; whether all were our own."""
        if self._pool is None:
            return False
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._pool = None
        return True

    def close(self) -> None:
        """End processes of our own."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


def _require_pickle(shared: Any) -> None:
    try:
        pickle.dumps(shared)
    except Exception as error:
        raise InferenceError(
            f"processes that are not forked need a kernel, a model and arguments that can be "
            f"pickled: {error}. Define the model at the top level of a module, or use "
            'mp_context="fork", or chain_method="sequential".'
        ) from error


def halted() -> bool:
    """In a worker: whether it was asked to end what it does."""
    return _halt is not None and bool(_halt.is_set())


def _install(token: str, prepare: Function, shared: Any, halt: Any) -> None:
    global _halt
    _halt = halt
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    torch.set_num_threads(1)
    _prepared.clear()
    _prepared[token] = _Later(prepare, shared)


class _Later:
    """Something that is prepared when it is needed: an error then belongs to a call."""

    def __init__(self, prepare: Function, shared: Any) -> None:
        self._prepare, self._shared = prepare, shared
        self._made: list[Any] = []

    def get(self) -> Any:
        if not self._made:
            self._made.append(self._prepare(self._shared))
        return self._made[0]


def _call_installed(token: str, function: Function, *order: Any) -> Any:
    return function(_prepared[token].get(), *order)


def _call_sent(sent: tuple[str, Function, Any], function: Function, *order: Any) -> Any:
    token, prepare, shared = sent
    if token not in _prepared:
        _prepared.clear()
        _prepared[token] = _Later(prepare, shared)
    return function(_prepared[token].get(), *order)
