"""CAR and ICAR against dense normal laws, on connected and disconnected graphs."""

from __future__ import annotations

import copy
import itertools
import pickle
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import torch
from torch import Tensor
from torch.autograd.functional import hessian, jacobian

import pyro.distributions as dist
from pyro.distributions import biject_to, constraints, transform_to
from pyro.ops.adjacency import Adjacency, adjacency


def graph(nodes: int, *edges: tuple[int, int], weight: float = 1.0) -> Tensor:
    matrix = torch.zeros(nodes, nodes, dtype=torch.float64)
    for i, j in edges:
        matrix[i, j] = matrix[j, i] = weight
    return matrix


PATH = graph(5, (0, 1), (1, 2), (2, 3), (3, 4))
STAR = graph(6, *((0, i) for i in range(1, 6)))
COMPLETE = graph(5, *itertools.combinations(range(5), 2))
WEIGHTED = graph(4, (0, 1), (1, 2), weight=0.3) + graph(4, (2, 3), (3, 0), weight=2.0)
TWO = graph(7, (0, 5), (5, 2), (2, 0), (2, 6), (1, 3), (3, 4))
ISLANDS = graph(6, (0, 4), (4, 2), (1, 5))  # and the node 3
ALONE = graph(3)
CONNECTED = {"path": PATH, "star": STAR, "complete": COMPLETE, "weighted": WEIGHTED, "two": TWO}
ALL = {**CONNECTED, "islands": ISLANDS, "alone": ALONE}


def close(actual: Any, expected: Any, tol: float = 1e-10) -> None:
    torch.testing.assert_close(actual, expected, rtol=tol, atol=tol)


@pytest.mark.parametrize("name", CONNECTED)
@pytest.mark.parametrize("rho", [-0.9, 0.0, 0.5, 0.9999])
def test_car_is_a_dense_normal(name: str, rho: float) -> None:
    matrix = CONNECTED[name]
    torch.manual_seed(0)
    loc = torch.randn(3, len(matrix), dtype=torch.float64)
    tau = torch.tensor([[0.3], [4.0]], dtype=torch.float64)
    d = dist.CAR(loc, torch.tensor(rho, dtype=torch.float64), tau, matrix)
    precision = tau[..., None, None] * (
        matrix.sum(-1).diag() - d.correlation[..., None, None] * matrix
    )
    dense = dist.MultivariateNormal(loc, precision_matrix=precision)
    x = d.sample((4,))
    for way in (False, True):
        again = dist.CAR(loc, d.correlation, tau, matrix, is_sparse=way)
        close(again.log_prob(x), dense.log_prob(x), 1e-8)
    close(d.precision_matrix, precision)
    close(d.variance, dense.variance, 1e-8)
    close(d.entropy(), dense.entropy(), 1e-8)
    close(d.mean, loc.expand(2, 3, -1))
    close(d.adj_matrix, matrix)


def test_full_conditionals_are_those_of_the_docstring() -> None:
    d = dist.CAR(torch.arange(4.0).double(), 0.7, 2.0, WEIGHTED)
    x = torch.randn(4, dtype=torch.float64)
    degrees = WEIGHTED.sum(-1)
    means = d.mean + 0.7 * (WEIGHTED @ (x - d.mean)) / degrees
    slope = jacobian(d.log_prob, x)
    close(slope, -d.conditional_precision.double() * degrees * (x - means), 1e-6)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("stdev", [0.001, 2.0])
def test_soft_icar_is_a_dense_normal(name: str, stdev: float) -> None:
    matrix = ALL[name]
    sigma = torch.tensor([0.5, 3.0], dtype=torch.float64)
    d = dist.ICAR(matrix, sigma, stdev)
    precision = (matrix.sum(-1).diag() - matrix) / sigma.square()[:, None, None]
    labels = adjacency(matrix).components
    for label in labels.unique():
        member = (labels == label).double()
        size = member.sum()
        weight = 1 / sigma.square() if size == 1 else (1 / (size * stdev) ** 2).expand(2)
        precision = precision + weight[:, None, None] * torch.outer(member, member)
    dense = dist.MultivariateNormal(
        torch.zeros(len(matrix), dtype=torch.float64), precision_matrix=precision
    )
    torch.manual_seed(0)
    x = d.sample((4,))
    close(d.log_prob(x), dense.log_prob(x), 1e-7)
    close(d.variance, dense.variance, 1e-7)
    close(d.entropy(), dense.entropy(), 1e-7)


@pytest.mark.parametrize("name", ALL)
def test_exact_icar_is_a_dense_normal_of_free_coordinates(name: str) -> None:
    """In orthonormal coordinates of the support, by the transform of its constraint."""
    matrix = ALL[name]
    sigma = torch.tensor(1.7, dtype=torch.float64)
    d = dist.ICAR(matrix, sigma, 0)
    transform = biject_to(d.support)
    free = transform.inverse_shape((len(matrix),))[0]
    basis = jacobian(transform, torch.zeros(free, dtype=torch.float64))
    close(basis.T @ basis, torch.eye(free, dtype=torch.float64))
    laplacian = matrix.sum(-1).diag() - matrix + adjacency(matrix).is_island.double().diag()
    dense = dist.MultivariateNormal(
        torch.zeros(free, dtype=torch.float64),
        precision_matrix=basis.T @ laplacian @ basis / sigma.square(),
    )
    torch.manual_seed(0)
    x = d.sample((4,))
    assert d.support.check(x).all()
    close(d.log_prob(x), dense.log_prob(transform.inv(x)))
    close(d.variance, (basis @ dense.covariance_matrix @ basis.T).diagonal())
    close(d.entropy(), dense.entropy())


def test_improper_icar_knows_no_levels() -> None:
    d = dist.ICAR(ISLANDS, 0.7, None)
    exact = dist.ICAR(ISLANDS, 0.7, 0)
    torch.manual_seed(0)
    x = exact.sample()
    moved = x.clone()
    moved[[0, 2, 4]] += 5.0
    moved[[1, 5]] -= 1.0
    close(d.log_prob(moved), exact.log_prob(x), 1e-5)
    assert d.log_prob(x + torch.eye(6)[3]) != d.log_prob(x)
    assert not d.has_rsample and d.support is constraints.real_vector
    for question in (d.sample, d.entropy, lambda: d.mean, lambda: d.variance):
        with pytest.raises(NotImplementedError, match="zero_sum_stdev"):
            question()


def test_icar_is_the_limit_of_car() -> None:
    """Differences, whose law stays proper, as the correlation goes to one."""
    x, y = torch.randn(2, 5, dtype=torch.float64)
    car = dist.CAR(torch.zeros(5).double(), 1 - 1e-10, 4.0, PATH)
    icar = dist.ICAR(PATH, torch.tensor(0.5).double(), None)
    close(car.log_prob(x) - car.log_prob(y), icar.log_prob(x) - icar.log_prob(y), 1e-7)


@pytest.mark.parametrize(
    "make",
    [
        lambda: dist.CAR(torch.ones(7).double(), 0.8, 2.0, TWO),
        lambda: dist.ICAR(TWO, torch.tensor(1.5).double(), 0.3),
    ],
    ids=["car", "icar"],
)
def test_draws_have_the_mean_and_the_covariance(make: Any) -> None:
    """Whitened by the density's own Hessian; 7 means and 49 products within 5 standard errors:
    a false alarm in 3e-5 of the seeds."""
    d = make()
    torch.manual_seed(1)
    white = (d.sample((20000,)) - d.mean) @ torch.linalg.cholesky(-hessian(d.log_prob, d.mean))
    count = len(white) ** 0.5
    assert (white.mean(0).abs() * count < 5).all()
    products = white.unsqueeze(-1) * white.unsqueeze(-2)
    assert (((products.mean(0) - torch.eye(7)) * count / products.std(0)).abs() < 5).all()


def test_gradients() -> None:
    def car(x: Tensor, loc: Tensor, rho: Tensor, tau: Tensor) -> Tensor:
        return dist.CAR(loc, rho, tau, TWO).log_prob(x)

    def car_draw(loc: Tensor, rho: Tensor, tau: Tensor) -> Tensor:
        torch.manual_seed(0)
        d = dist.CAR(loc, rho, tau, TWO)
        return d.rsample((2,)) + d.variance

    def icar(x: Tensor, sigma: Tensor) -> Tensor:
        return torch.stack([dist.ICAR(ISLANDS, sigma, s).log_prob(x) for s in (0.1, None)])

    def icar_draw(sigma: Tensor) -> Tensor:
        torch.manual_seed(0)
        return torch.stack([dist.ICAR(ISLANDS, sigma, s).rsample((2,)) for s in (0.1, 0)])

    leaf = {"requires_grad": True, "dtype": torch.float64}
    loc = torch.randn(7, **leaf)
    rho, tau = torch.tensor([0.7, -0.3], **leaf), torch.tensor(2.0, **leaf)
    assert torch.autograd.gradcheck(car, (torch.randn(3, 1, 7, **leaf), loc, rho, tau))
    assert torch.autograd.gradcheck(car_draw, (loc, rho, tau))
    assert torch.autograd.gradcheck(icar, (torch.randn(3, 6, **leaf), tau))
    assert torch.autograd.gradcheck(icar_draw, (tau,))


FORMS = {
    "integers": lambda w: w.long(),
    "bool": lambda w: w.bool(),
    "lists": lambda w: w.tolist(),
    "array": lambda w: w.numpy(),
    "fortran": lambda w: np.asfortranarray(w.numpy()),
    "coo": lambda w: w.to_sparse_coo(),
    "scipy-csr": lambda w: scipy.sparse.csr_array(w.numpy()),
    "scipy-coo": lambda w: scipy.sparse.coo_matrix(w.numpy()),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_the_matrix(form: str) -> None:
    x = torch.randn(7, dtype=torch.float64)
    given = FORMS[form](TWO)
    close(
        dist.CAR(x, 0.5, 1.0, given, is_sparse=True).log_prob(x),
        dist.CAR(x, 0.5, 1.0, TWO).log_prob(x),
    )
    close(dist.ICAR(given).log_prob(x.float()), dist.ICAR(TWO).log_prob(x.float()))
    if form != "lists":
        assert adjacency(given) is adjacency(given)


@pytest.mark.parametrize("form", ["tensor", "array", "scipy"])
def test_changes_of_the_matrix_are_noticed(form: str) -> None:
    matrix: Any = PATH.clone()
    matrix = {"tensor": matrix, "array": matrix.numpy(), "scipy": scipy.sparse.csr_array(matrix)}[
        form
    ]
    before = adjacency(matrix)
    matrix[0, 1] = matrix[1, 0] = 3.0
    assert adjacency(matrix) is not before
    assert adjacency(matrix).degrees[0] == 3


def test_copies_keep_the_graph() -> None:
    d = dist.CAR(0.0, 0.5, 1.0, TWO)
    d.sample()
    assert copy.deepcopy(d).graph is d.graph
    loaded = pickle.loads(pickle.dumps(d))
    assert isinstance(loaded.graph, Adjacency)
    close(loaded.log_prob(torch.ones(7)), d.log_prob(torch.ones(7)))


def test_components_are_those_of_scipy() -> None:
    torch.manual_seed(0)
    for nodes in (1, 2, 30, 200):
        for degree in (0.5, 1.0, 2.0):
            half = (torch.rand(nodes, nodes) < degree / nodes).triu(1)
            count, labels = scipy.sparse.csgraph.connected_components((half | half.T).numpy())
            ours = adjacency(half | half.T).components
            assert len(ours.unique()) == count
            assert len({*zip(ours.tolist(), labels.tolist(), strict=True)}) == count


def test_a_long_path_is_one_component() -> None:
    nodes = 20_000
    chain = scipy.sparse.diags_array([np.ones(nodes - 1)] * 2, offsets=[-1, 1])
    assert adjacency(chain).components.max() == 0


def test_eigenvalues_come_from_the_graph_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    inner = torch.linalg.eigvalsh
    monkeypatch.setattr(torch.linalg, "eigvalsh", lambda a: calls.append(1) or inner(a))
    matrix = PATH.clone()
    for rho in (0.1, 0.5):
        dist.CAR(0.0, rho, 1.0, matrix).log_prob(torch.zeros(5))
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[0, 1], [0, 0]], r"symmetric.*\(0, 1\) = 1 and the entry \(1, 0\) = 0"),
        ([[0, 1], [2, 0]], r"\(0, 1\) = 1 and the entry \(1, 0\) = 2"),
        ([[0, 1], [1, 1]], r"entry \(1, 1\) .* is 1"),
        ([[0, -1], [-1, 0]], r"entry \(0, 1\) .* is -1"),
        ([[0, float("nan")], [float("nan"), 0]], "is nan"),
        ([[0, 1, 0], [1, 0, 0]], r"square.*\(2, 3\)"),
        ([1, 0], r"square.*\(2,\)"),
        ([[]], r"square.*\(1, 0\)"),
    ],
)
def test_bad_matrices(matrix: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dist.ICAR(matrix)
    with pytest.raises(ValueError, match=message):
        dist.CAR(0.0, 0.5, 1.0, torch.tensor(matrix))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dist.CAR(0.0, 1.0, 1.0, PATH), "correlation.*below 1.*use ICAR"),
        (lambda: dist.CAR(0.0, torch.tensor([0.5, -1.0]), 1.0, PATH), "correlation.*-1 and 0.5"),
        (lambda: dist.CAR(0.0, -4.5, 1.0, COMPLETE), "correlation.*above -4"),
        (lambda: dist.CAR(0.0, float("nan"), 1.0, PATH), "parameter correlation"),
        (lambda: dist.CAR(0.0, 0.5, -1.0, PATH), "parameter conditional_precision"),
        (lambda: dist.CAR(torch.zeros(4), 0.5, 1.0, PATH), r"\(4,\), but adj_matrix has 5"),
        (lambda: dist.CAR(0.0, 0.5, 1.0, ISLANDS), "place 3 .*no neighbour"),
        (lambda: dist.ICAR(PATH, -1.0), "parameter sigma"),
        (lambda: dist.ICAR(PATH, 1.0, -0.1), "zero_sum_stdev is -0.1"),
        (lambda: dist.ICAR(PATH, 1.0, 0).log_prob(torch.ones(5)), "within the support"),
    ],
)
def test_bad_arguments(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_the_range_of_the_correlation_is_that_of_the_eigenvalues() -> None:
    """Of a complete graph of five: above -4."""
    x = torch.randn(5, dtype=torch.float64)
    d = dist.CAR(torch.zeros(5).double(), -3.9, 1.0, COMPLETE)
    dense = dist.MultivariateNormal(d.mean, precision_matrix=d.precision_matrix)
    close(d.log_prob(x), dense.log_prob(x), 1e-6)


def test_shapes_of_arguments() -> None:
    shapes = dist.CAR.infer_shapes(loc=(), correlation=(3, 1), adj_matrix=(7, 7))
    assert shapes == ((3, 1), (7,))
    assert dist.ICAR.infer_shapes(W=(7, 7), sigma=(2,)) == ((2,), (7,))
    assert dist.CAR(0.0, torch.zeros(3, 1), torch.ones(2), TWO).sample((4,)).shape == (4, 3, 2, 7)


def test_smooth_fields_lose_no_digits() -> None:
    """In single precision, on top of a level that is large."""
    torch.manual_seed(0)
    x = 1000.0 + torch.randn(7, dtype=torch.float64)
    expected = dist.ICAR(TWO, 1.0, None).log_prob(x)
    actual = dist.ICAR(TWO, 1.0, None).log_prob(x.float())
    torch.testing.assert_close(actual.double(), expected.double(), rtol=1e-3, atol=0)


GROUPS = torch.tensor([1, -1, 0, 1, 0, 2, -1, 1])


def test_groups_that_sum_to_zero() -> None:
    constraint = constraints.sum_to_zero_within(GROUPS)
    y = torch.tensor([1.0, 9.0, 2.0, 1.0, -2.0, 0.0, 7.0, -2.0])
    assert constraint.check(y)
    for i, ok in enumerate(GROUPS < 0):
        assert constraint.check(y + 0.1 * torch.eye(8)[i]) == ok
    assert not constraint.check(torch.full((8,), float("nan")))
    for registry in (biject_to, transform_to):
        transform = registry(constraint)
        u = torch.randn(3, 5, dtype=torch.float64)
        x = transform(u)
        assert x.shape == transform.forward_shape(u.shape) and transform.codomain.check(x).all()
        close(transform.inv(x), u)
        close(x.norm(dim=-1), u.norm(dim=-1))
    assert transform == transform_to(constraint) != transform_to(constraints.sum_to_zero)
