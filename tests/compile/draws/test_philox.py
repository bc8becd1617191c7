"""The counter-based generator: published answers, and machine code against its meaning."""

from __future__ import annotations

import pytest
import torch

from pyro.compile.draws import Noise, make_key
from pyro.compile.draws.noise import STREAMS, positions
from pyro.compile.math import FUNCTIONS, TorchBuilder
from pyro.compile.math.philox import philox
from tests.compile.math.native import apply

PI = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)
# Random123's kat_vectors: counter, key, result.
ANSWERS = [
    ((0,) * 4, (0,) * 2, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((2**32 - 1,) * 4, (2**32 - 1,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (PI, (0xA4093822, 0x299F31D0), (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
]


@pytest.mark.parametrize(("counter", "key", "expected"), ANSWERS)
def test_published_answers(counter, key, expected):
    words = [[torch.tensor(word) for word in part] for part in (counter, key)]
    assert tuple(int(word) for word in philox(TorchBuilder(), *words)) == expected


@pytest.mark.parametrize("width", [1, 4])
def test_machine_code_gives_the_same_bits(width):
    function = FUNCTIONS["uniform"]
    place = positions("normal", 3, 64)
    key = make_key(2**63 + 12345678901, 2**40 + 17)
    arguments = [part.expand(64).contiguous() for part in key] + [place]
    found = apply(function, *arguments, width=width)
    assert torch.equal(found, function(TorchBuilder(), *arguments))


def test_numbers_are_inside_of_the_unit_interval():
    """All bits zero and all bits one are the ends."""
    u = Noise(make_key(1)).take("uniform", 4096)
    assert u.min() > 0 and u.max() < 1
    assert torch.equal(u * 2**53 % 2, torch.ones(4096, dtype=torch.float64))


@pytest.mark.parametrize("other", [(2, 0), (2**32 + 1, 0), (1, 1), (1, 2**32)])
def test_seeds_steps_and_streams_are_apart(other):
    def draw(key, stream):
        return Noise(key).take(stream, 100)

    mine = {stream: draw(make_key(1), stream) for stream in STREAMS}
    assert torch.equal(draw(make_key(1), "normal"), mine["normal"])
    for stream in STREAMS:
        assert not torch.equal(draw(make_key(*other), stream), mine[stream])
    assert not torch.equal(torch.special.ndtri(mine["uniform"]), mine["normal"])


def test_slices_do_not_depend_on_how_they_are_taken():
    noise = Noise(make_key(9))
    parts = [noise.take("normal", n) for n in (3, 0, 300, 1)]
    assert torch.equal(torch.cat(parts), Noise(make_key(9)).take("normal", 304))
