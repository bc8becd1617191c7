"""The parameter store as a dict: declaring, reading, writing, scopes, threads, errors."""

from __future__ import annotations

import copy
import pickle
import threading
import warnings

import pytest
import torch
from torch import nn
from torch.distributions import constraints

from pyro.errors import CheckpointError, ParamConstraintError, ParamNotFoundError
from pyro.params import ParamStoreDict

positive = constraints.positive


@pytest.fixture
def store() -> ParamStoreDict:
    return ParamStoreDict()


def test_dict_surface(store):
    store.setdefault("a.x", torch.ones(2), positive)
    store.setdefault("a.y", lambda: 3)
    store["b"] = 1.5
    assert list(store) == list(store.keys()) == ["a.x", "a.y", "b"]
    assert len(store) == 3 and store and "b" in store and "c" not in store
    assert sorted(store.match("a")) == ["a.x", "a.y"] and not store.match("x")
    assert {k: v.tolist() for k, v in store.items()} == {"a.x": [1, 1], "a.y": 3, "b": 1.5}
    leaves = dict(store.named_parameters())
    assert leaves["a.x"].tolist() == [0, 0] and all(leaf.requires_grad for leaf in leaves.values())
    assert store.param_name(leaves["a.x"]) == "a.x" and store.param_name(torch.ones(1)) is None
    del store["a.x"]
    assert "a.x" not in store and store.param_name(leaves["a.x"]) is None
    store.clear()
    assert not store and len(store) == 0
    with pytest.warns(DeprecationWarning):
        store.get_all_param_names()


def test_value_is_computed_afresh_and_knows_its_leaf(store):
    value = store.setdefault("x", torch.ones(2), positive)
    value.sum().backward()
    leaf = value.unconstrained()
    assert leaf.grad is not None and store["x"] is not value
    real = store.setdefault("y", torch.zeros(2))
    assert store["y"] is real and real.unconstrained() is real


def test_initial_tensor_is_copied_but_module_parameters_are_not(store):
    init = torch.zeros(2)
    store.setdefault("x", init)
    init += 1
    assert store["x"].tolist() == [0, 0] and not init.requires_grad
    non_leaf = torch.ones(2, requires_grad=True) * 2
    store.setdefault("y", non_leaf)
    assert store["y"].is_leaf
    weight = nn.Linear(2, 2).weight
    assert store.setdefault("w", weight) is weight
    scale = nn.Parameter(torch.zeros(2))
    assert store.adopt("s", scale, positive).tolist() == [1, 1]
    assert store.unconstrained("s") is scale
    with pytest.raises(ParamConstraintError, match="leaf"):
        store.adopt("bad", non_leaf)


def test_assignment_keeps_the_leaf_where_the_shape_allows(store):
    leaf = store.setdefault("x", torch.ones(2), positive).unconstrained()
    store["x"] = torch.tensor([2.0, 3.0])
    assert store.unconstrained("x") is leaf and torch.allclose(store["x"], torch.tensor([2.0, 3]))
    store["x"] = torch.ones(3)
    assert store.unconstrained("x") is not leaf and store["x"].shape == (3,)
    with pytest.raises(ParamConstraintError, match="'x'"):
        store["x"] = torch.tensor([-1.0, 1.0, 1.0])
    store.replace_param("x", torch.full((3,), 5.0), store["x"])
    assert torch.allclose(store["x"], torch.tensor(5.0))
    with pytest.raises(ParamConstraintError, match="current"):
        store.replace_param("x", torch.ones(3), torch.ones(3))


@pytest.mark.parametrize(
    ("init", "constraint", "match"),
    [
        (torch.tensor([1.0, -2.0]), positive, r"'p'.*GreaterThan.*\[-2\]"),
        (torch.tensor([0.2, 0.3]), constraints.simplex, r"'p'.*Simplex.*0\.2, 0\.3"),
        (torch.tensor(float("nan")), constraints.real, "nan"),
        (torch.tensor(2.0), constraints.unit_interval, r"\[2\]"),
        (torch.zeros(2), constraints.nonnegative, "boundary"),
        (torch.ones(2, 2), constraints.lower_cholesky, "LowerCholesky"),
        (1.0, constraints.boolean, "Boolean"),
        ("text", constraints.real, "str"),
    ],
)
def test_bad_initial_value_is_named(store, init, constraint, match):
    with pytest.raises(ParamConstraintError, match=match):
        store.setdefault("p", init, constraint)
    assert "p" not in store


def test_rounding_is_no_error(store):
    store.setdefault("p", torch.ones(5000) / 5000, constraints.simplex)
    assert store.setdefault("n", 3).dtype == torch.get_default_dtype()


def test_missing_parameter_lists_close_names(store):
    store["weights"] = 1.0
    with pytest.raises(ParamNotFoundError, match=r"'weight'.*Did you mean 'weights'"):
        store["weight"]
    with pytest.raises(KeyError):
        store.get_param("other")
    with pytest.raises(KeyError):
        del store["other"]


def test_redeclaration_warns_once(store):
    store.setdefault("x", torch.ones(3), positive)
    with pytest.warns(UserWarning, match=r"'x'.*\(3,\).*\(4,\)"):
        store.get_param("x", torch.ones(4), positive)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        store.get_param("x", torch.ones(4), positive)
        store.setdefault("y", torch.ones(10, 2), constraints.interval(0.0, 2.0))
        store.get_param("y", lambda: torch.ones(5), constraints.interval(0.0, 2.0))
        store.get_param("y", torch.ones(4, 2), constraints.interval(0.0, 2.0), event_dim=1)
        store.get_param("y")
    with pytest.warns(UserWarning, match="constraint"):
        store.get_param("y", torch.ones(10, 2), constraints.interval(0.0, 3.0))


def test_state_is_a_snapshot(store):
    leaf = store.setdefault("x", torch.ones(2), positive).unconstrained()
    state = store.get_state()
    store["x"] = torch.full((2,), 7.0)
    store["later"] = 0.0
    store.set_state(state)
    assert list(store) == ["x"] and torch.allclose(store["x"], torch.ones(2))
    assert store.unconstrained("x") is leaf
    for bad in ({"params": {}}, {"params": {"x": leaf}, "constraints": {}}, 3):
        with pytest.raises(CheckpointError):
            store.set_state(bad)


def test_scope_restores_and_can_be_reentered(store):
    store["outer"] = 1.0
    with store.scope() as state:
        inner = store.setdefault("inner", 2.0)
        assert list(store) == ["inner"]
        with store.scope():
            assert not store
    assert list(store) == ["outer"] and list(state["params"]) == ["inner"]
    with pytest.raises(ZeroDivisionError), store.scope(state):
        assert store["inner"] is inner
        raise ZeroDivisionError
    assert list(store) == ["outer"]


def test_scopes_of_threads_do_not_meet(store):
    store["shared"] = 1.0
    barrier, failures = threading.Barrier(4), []

    def run(i: int) -> None:
        with store.scope() as state:
            barrier.wait()
            for k in range(50):
                store.setdefault(f"{i}.{k}", float(k))
            barrier.wait()
            if any(not name.startswith(f"{i}.") for name in store):
                failures.append(list(store))
        if len(state["params"]) != 50 or "shared" not in store:
            failures.append(i)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures and list(store) == ["shared"]


def test_threads_declaring_one_name_get_one_leaf(store):
    barrier, found = threading.Barrier(8), []

    def run() -> None:
        barrier.wait()
        found.append(store.setdefault("x", 1.0))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(value is found[0] for value in found)


def test_pickle_and_copy(store):
    leaf = store.setdefault("x", torch.ones(2))
    store.setdefault("y", torch.ones(2), positive)
    assert {k: v.tolist() for k, v in pickle.loads(pickle.dumps(store)).items()} == {
        "x": [1, 1],
        "y": [1, 1],
    }
    assert pickle.loads(pickle.dumps(leaf)).tolist() == copy.deepcopy(leaf).tolist() == [1, 1]
