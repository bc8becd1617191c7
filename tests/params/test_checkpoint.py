"""Files of parameters: every constraint survives, nothing runs, nothing is half written."""

from __future__ import annotations

import os
import pickle

import pytest
import torch
from torch.distributions import constraints as C
from torch.distributions import transform_to

from pyro.distributions import constraints as P
from pyro.errors import CheckpointError
from pyro.params import ParamStoreDict, checkpoint, register_constraint
from pyro.params.redeclaration import same_constraint

CASES = [
    (C.real, (3,)),
    (C.real_vector, (3,)),
    (C.positive, (3,)),
    (C.nonnegative, (3,)),
    (C.unit_interval, (3,)),
    (C.interval(-1.0, 2.0), (3,)),
    (C.interval(torch.tensor([0.0, 1.0]), torch.tensor([1.0, 3.0])), (2,)),
    (C.half_open_interval(0.0, 2.0), (3,)),
    (C.greater_than(1.0), (3,)),
    (C.greater_than_eq(torch.tensor(2.0)), (3,)),
    (C.less_than(1.0), (3,)),
    (C.simplex, (3,)),
    (C.lower_cholesky, (3, 3)),
    (C.positive_definite, (3, 3)),
    (C.corr_cholesky, (3,)),
    (C.independent(C.positive, 1), (3,)),
    (C.independent(C.independent(C.interval(0, 1), 1), 1), (2, 3)),
    (C.stack([C.positive, C.interval(0.0, 1.0)], -1), (3, 2)),
    (C.cat([C.positive, C.real], 0, [2, 1]), (3,)),
    (P.softplus_positive, (3,)),
    (P.softplus_lower_cholesky, (3, 3)),
    (P.unit_lower_cholesky, (3, 3)),
    (P.ordered_vector, (3,)),
    (P.positive_ordered_vector, (3,)),
    (P.corr_matrix, (3,)),
    (P.sphere, (3,)),
]


@pytest.mark.parametrize(("constraint", "shape"), CASES, ids=lambda x: str(x)[:40])
def test_round_trip(constraint, shape, tmp_path):
    store, other = ParamStoreDict(), ParamStoreDict()
    store.adopt("x", torch.randn(shape), constraint)
    store.save(tmp_path / "store")
    other.load(tmp_path / "store")
    assert torch.equal(other["x"], store["x"])
    assert same_constraint(other.constraint("x"), constraint)
    torch.load(tmp_path / "store", weights_only=True)


@pytest.mark.parametrize(("constraint", "shape"), CASES, ids=lambda x: str(x)[:40])
def test_declared_value_is_read_back(constraint, shape):
    value = transform_to(constraint)(torch.randn(shape, dtype=torch.double))
    store = ParamStoreDict()
    assert torch.allclose(store.setdefault("x", value, constraint), value, atol=1e-6)


class _Exploit:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("writer", ["pickle", "torch"])
def test_malicious_file_does_not_run(writer, tmp_path):
    target, file = tmp_path / "pwned", tmp_path / "store"
    payload = {"format": "pyro.params", "version": 1, "params": _Exploit(str(target))}
    if writer == "pickle":
        file.write_bytes(pickle.dumps(payload))
    else:
        torch.save(payload, file)
    with pytest.raises(CheckpointError, match="refused"):
        ParamStoreDict().load(file)
    assert not target.exists()


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"not a checkpoint", "damaged"),
        (b"", "damaged"),
        ({"weight": torch.zeros(1)}, "dict with keys.*'weight'"),
        (torch.zeros(2), "type Tensor"),
        ({"format": "pyro.optim", "version": 1}, "'pyro.optim' file"),
        ({"format": "pyro.params", "version": 99}, "newer"),
    ],
)
def test_other_files_are_refused(content, match, tmp_path):
    file = tmp_path / "file"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        torch.save(content, file)
    with pytest.raises(CheckpointError, match=match) as info:
        ParamStoreDict().load(file)
    assert str(file) in str(info.value)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        ParamStoreDict().load(tmp_path / "nothing")


class _Odd(C.Constraint):
    def __init__(self, scale: float) -> None:
        self.scale = scale

    def check(self, value):
        return value > 0


transform_to.register(_Odd, lambda odd: transform_to(C.positive))


def test_own_constraint_needs_a_name(tmp_path):
    store = ParamStoreDict()
    store.setdefault("x", 1.0, _Odd(2.0))
    (tmp_path / "store").write_text("old")
    with pytest.raises(CheckpointError, match="register_constraint"):
        store.save(tmp_path / "store")
    assert (tmp_path / "store").read_text() == "old"
    register_constraint("test.odd", _Odd)
    store.save(tmp_path / "store")
    other = ParamStoreDict()
    other.load(tmp_path / "store")
    assert other.constraint("x").scale == 2.0
    assert os.listdir(tmp_path) == ["store"]


def test_failed_write_leaves_the_old_file(tmp_path):
    checkpoint.write(tmp_path / "f", "kind", {"a": 1})
    with pytest.raises(Exception, match="pickle"):
        checkpoint.write(tmp_path / "f", "kind", {"a": lambda: 1})
    assert checkpoint.read(tmp_path / "f", "kind")["a"] == 1
    assert os.listdir(tmp_path) == ["f"]
