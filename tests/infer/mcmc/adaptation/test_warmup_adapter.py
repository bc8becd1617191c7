"""Step sizes and mass matrices in windows, for kernels of one's own."""

from __future__ import annotations

import pytest
import torch

from pyro.infer.mcmc.adaptation import WarmupAdapter


@pytest.mark.parametrize(
    ("steps", "windows"),
    [
        (0, []),
        (10, [(0, 9)]),
        (100, [(0, 14), (15, 89), (90, 99)]),
        (1000, [(0, 74), (75, 99), (100, 149), (150, 249), (250, 449), (450, 949), (950, 999)]),
    ],
)
def test_windows_are_those_of_stan(steps: int, windows: list[tuple[int, int]]) -> None:
    adapter = WarmupAdapter()
    adapter.configure(steps)
    assert [tuple(window) for window in adapter.adaptation_schedule] == windows


def test_an_adapter_teaches_a_step_size_and_a_matrix() -> None:
    """Acceptance exp(-step size): the target 0.8 is met at -log(0.8)."""
    adapter = WarmupAdapter(1.0, True, 0.8, adapt_mass_matrix=True)
    found: list[float] = []
    adapter.configure(
        500, mass_matrix_shape={("x",): (2,)},
        find_reasonable_step_size_fn=lambda z: found.append(1.0) or 1.0,
    )  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    scale = torch.tensor([1.0, 5.0])
    for t in range(600):
        z = {"x": scale * torch.randn(2, generator=generator)}
        adapter.step(t, z, torch.tensor(-adapter.step_size).exp(), z)
    assert adapter.step_size == pytest.approx(0.223, rel=0.1)
    assert len(found) == len(adapter.adaptation_schedule) - 2
    variance = adapter.inverse_mass_matrix["x",]
    torch.testing.assert_close(variance, scale.square(), rtol=0.25, atol=0.0)
