"""Every program with discrete sites: the compiled objective and its gradient are those of torch."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pyro.infer import TraceEnum_ELBO
from pyro.primitives.validation import validation_enabled
from tests.compile.eager import check, with_gradients
from tests.laws.enum_case import Case
from tests.laws.enum_cases import CASES

QUICK = ("markov_chain", "second_order", "guided_local parallel", "mixture", "nested_plates")


@pytest.mark.parametrize(
    "case",
    [pytest.param(c, id=c.name, marks=() if c.name in QUICK else pytest.mark.slow) for c in CASES],
)
def test_objectives(case: Case) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        names = list(leaves := case.leaves())
        estimator = TraceEnum_ELBO(max_plate_nesting=case.plates)

        def objective(*values: Tensor) -> Tensor:
            given = (dict(zip(names, values, strict=True)),)
            pairs = estimator._enumerated_traces(case.model, case.guide, given, {})
            return sum(estimator._estimate(*traces).elbo for traces in pairs)  # type: ignore[return-value]

        with validation_enabled(False):
            check(with_gradients(objective), [v.detach() for v in leaves.values()])
    finally:
        torch.set_default_dtype(torch.float32)
