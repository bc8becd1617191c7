"""Everything that the next step of SVI depends on, as tensors and plain data."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from pyro.errors import CheckpointError
from pyro.infer.baselines import DecayingAverages
from pyro.infer.module_behind import module_behind
from pyro.params import constraint_codec
from pyro.params.param_store import PARAM_STORE
from pyro.params.plain_data import from_plain, to_plain

if TYPE_CHECKING:
    from pyro.infer.svi import SVI

KIND = "pyro.svi"
State = dict[str, Any]


def state_of(svi: SVI, others: Mapping[str, Any]) -> State:
    """The state of an optimisation.

    :param others: By name, what else belongs to it: objects with a ``state_dict``, generators, and
        plain data.
    :raises CheckpointError: if something is not plain data, or a constraint has no name.
    """
    modules = _modules(svi)
    averages = _averages(svi)
    held = [*modules.values(), *(x for x in others.values() if isinstance(x, nn.Module))]
    phase = svi.phase
    return {
        "steps": svi.steps,
        "run": None if phase is None else to_plain(phase.to_plain(), "the run"),
        "single steps": svi.single_steps,
        "modules": {name: to_plain(module.state_dict(), name) for name, module in modules.items()},
        "store": _store_state(held),
        "optimizer": to_plain(svi.optim.get_state(), "the state of the optimizer"),
        "averages": {} if averages is None else averages.state,
        "others": {name: _state_of_other(name, x) for name, x in others.items()},
        "generators": _generators(),
    }


def restore(svi: SVI, state: State, others: Mapping[str, Any]) -> dict[str, Any]:
    """Go back to a state; returns what :func:`state_of` was given and ``others`` does not name.

    :raises CheckpointError: if the state has nothing for one of ``others``, or for a module.
    """
    modules, saved = _modules(svi), state["modules"]
    if modules.keys() != saved.keys():
        raise CheckpointError(
            f"the state has modules as {sorted(saved) or 'neither'}, but of this SVI it is "
            f"{sorted(modules) or 'neither'}: model and guide are not those that were saved"
        )
    missing = others.keys() - state["others"].keys()
    if missing:
        raise CheckpointError(
            f"the state has nothing for {sorted(missing)}; it has {sorted(state['others'])}"
        )
    for name, module in modules.items():
        module.load_state_dict(saved[name])
    rest = {name: from_plain(value) for name, value in state["others"].items()}
    for name, target in others.items():
        _restore_other(target, rest.pop(name))
    _restore_store(state["store"])
    svi.optim.restart_from(from_plain(state["optimizer"]))
    averages = _averages(svi)
    if averages is not None:
        averages.state = dict(state["averages"])
    svi.steps, svi.single_steps = state["steps"], state["single steps"]
    _set_generators(state["generators"])
    return {name: value.get("value", value.get("state")) for name, value in rest.items()}


def _modules(svi: SVI) -> dict[str, nn.Module]:
    found: dict[str, nn.Module] = {}
    for name, program in (("model", svi.model), ("guide", svi.guide)):
        module = module_behind(program)
        if module is not None and module not in found.values():
            found[name] = module
    return found


def _averages(svi: SVI) -> DecayingAverages | None:
    owner = getattr(svi.loss, "__self__", None)
    found = getattr(getattr(owner, "objective", owner), "_averages", None)
    return found if isinstance(found, DecayingAverages) else None


# ---------------------------------------------------------------- the parameter store


def _store_state(modules: list[nn.Module]) -> State:
    """What the store holds and no module does: modules bring theirs."""
    held = {id(p) for module in modules for p in module.parameters()}
    leaves = {name: leaf for name, leaf in PARAM_STORE.named_parameters() if id(leaf) not in held}
    return {
        "params": {name: leaf.detach() for name, leaf in leaves.items()},
        "constraints": {
            name: constraint_codec.encode(PARAM_STORE.constraint(name)) for name in leaves
        },
    }


def _restore_store(saved: State) -> None:
    constraints = {name: constraint_codec.decode(c) for name, c in saved["constraints"].items()}
    PARAM_STORE.set_state({"params": saved["params"], "constraints": constraints})
    PARAM_STORE.promise(saved["params"])  # networks of functions take them at their statement


# ---------------------------------------------------------------- others


def _state_of_other(name: str, value: Any) -> State:
    if isinstance(value, torch.Generator):
        return {"state": value.get_state()}
    if callable(getattr(value, "state_dict", None)):
        return {"state": to_plain(value.state_dict(), name)}
    return {"value": to_plain(value, name)}


def _restore_other(target: Any, saved: State) -> None:
    if isinstance(target, torch.Generator):
        target.set_state(saved["state"].cpu())
    else:
        load: Callable[[Any], Any] = target.load_state_dict
        load(saved["state"])


# ---------------------------------------------------------------- generators


def _generators() -> State:
    kind, words, *rest = np.random.get_state(legacy=True)
    on_cuda: list[Tensor] = []
    if torch.cuda.is_initialized():
        on_cuda = torch.cuda.get_rng_state_all()
    return {
        "torch": torch.get_rng_state(),
        "cuda": on_cuda,
        "random": random.getstate(),
        "numpy": (kind, torch.tensor(words.astype(np.int64)), *rest),  # type: ignore[union-attr]
    }


def _set_generators(saved: State) -> None:
    torch.set_rng_state(saved["torch"].cpu())
    if saved["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all([state.cpu() for state in saved["cuda"]])
    version, words, gauss = saved["random"]
    random.setstate((version, tuple(words), gauss))
    kind, array, *rest = saved["numpy"]
    np.random.set_state((kind, array.cpu().numpy().astype(np.uint32), *rest))
