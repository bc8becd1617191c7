"""Programs with factors of matrices, and systems of equations."""

from __future__ import annotations

import torch

from tests.compile.case import Case, real, spd

FACTOR_CASES = [
    Case(
        "slogdet_of_columns",
        lambda x: torch.linalg.cholesky(x @ x.mT + spd(3)).slogdet()[1] + x.mT.slogdet()[1],
        (real(3, 3),),
        True,
        1e-10,
    ),
    Case(
        "lu_of_columns", lambda x: torch.linalg.lu_factor(x.mT)[0] * 2, (real(3, 3),), True, 1e-10
    ),
    Case("cholesky_inverse", lambda a: torch.cholesky_inverse(a.tril()), (spd(3, 2),)),
    Case(
        "cholesky_inverse_upper_batch",
        lambda a: torch.cholesky_inverse(a.triu(), upper=True),
        (spd(3, 2),),
    ),
    Case(
        "cholesky_inverse_of_columns",
        lambda x: torch.cholesky_inverse(torch.linalg.cholesky(spd(5) + x * x).mT, upper=True),
        (real(),),
        True,
        1e-10,
    ),
    Case("cholesky", lambda x: torch.linalg.cholesky(spd(4) + x * x), (real(),), True, 1e-10),
    Case(
        "cholesky_batch",
        lambda x: torch.linalg.cholesky(x @ x.mT + spd(3)),
        (real(2, 3, 3),),
        True,
        1e-10,
    ),
    Case(
        "cholesky_upper",
        lambda x: torch.linalg.cholesky(x @ x.mT + spd(5), upper=True),
        (real(5, 5),),
        True,
        1e-10,
    ),
    *(
        Case(
            f"solve_triangular_upper_{upper}_left_{left}_unit_{unit}",
            lambda a, b, upper=upper, left=left, unit=unit: torch.linalg.solve_triangular(
                a, b, upper=upper, left=left, unitriangular=unit
            ),
            (real(4, 4, low=1.0), real(4, 4)),
            True,
            1e-9,
        )
        for upper in (False, True)
        for left in (False, True)
        for unit in (False, True)
    ),
    Case(
        "solve_triangular_batch",
        lambda a, b: torch.linalg.solve_triangular(a, b, upper=False),
        (real(3, 3, low=1.0), real(2, 3, 5)),
        True,
        1e-9,
    ),
    Case(
        "cholesky_solve",
        lambda x, b: torch.cholesky_solve(b, torch.linalg.cholesky(spd(3) + x @ x.mT)),
        (real(3, 3), real(3, 2)),
        True,
        1e-9,
    ),
    Case(
        "solve",
        lambda x, b: torch.linalg.solve(spd(3) + x, b),
        (real(3, 3, high=-1.9), real(3, 2)),
        True,
        1e-9,
    ),
    Case(
        "slogdet",
        lambda x: torch.linalg.slogdet(spd(3) + x)[1],
        (real(3, 3, high=-1.9),),
        True,
        1e-9,
    ),
    Case("inverse", lambda x: torch.linalg.inv(spd(3) + x), (real(3, 3, high=-1.9),), True, 1e-9),
    *(
        Case(f"{name}_of_{layout}", lambda x, fn=fn, to=to: fn(to(x)), (inputs,), True, 1e-10)
        for name, fn in {
            "det": torch.linalg.det,
            "slogdet": lambda a: torch.linalg.slogdet(a)[1],
            "inv": torch.linalg.inv,
            "solve": lambda a: torch.linalg.solve(a, real(4, 2)),
            "solve_vector": lambda a: torch.linalg.solve(a, real(4)),
            "solve_right": lambda a: torch.linalg.solve(a, real(3, 4), left=False),
            "lu_solve": lambda a: torch.linalg.lu_solve(
                *torch.linalg.lu_factor(a), real(4, 2), adjoint=True
            ),
        }.items()
        for layout, to, inputs in (
            ("rows", lambda x: x, real(4, 4)),
            ("columns", lambda x: x.mT, real(4, 4)),
            ("batch", lambda x: x + 0, real(2, 3, 4, 4)),
        )
        if (name, layout) != ("solve_vector", "batch")
    ),
    Case("det_of_singular", lambda x: torch.linalg.det(x * torch.ones(3, 3)), (real(),)),
    Case("det_of_nothing", torch.linalg.det, (real(0, 3, 3),)),
    Case("eigvalsh", lambda x: torch.linalg.eigvalsh(spd(3) + x @ x.mT), (real(3, 3),), True, 1e-9),
    Case("sort", lambda x: x.sort()[0] * torch.arange(5), (real(5),), True),
]
