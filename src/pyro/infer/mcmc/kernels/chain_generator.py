"""Random numbers that depend on a seed, a chain and a time, and on nothing else."""

from __future__ import annotations

import torch
from torch import Tensor

_MASK = 2**64 - 1
_GOLDEN = 0x9E3779B97F4A7C15
_NORMAL = 0xD1B54A32D192ED03  # keeps the stream of normals apart from that of uniforms
_BLOCK = 1 << 16  # uniforms that are made at once


def _signed(bits: int) -> int:
    bits &= _MASK
    return bits - 2**64 if bits >= 2**63 else bits


_FIRST, _SECOND = _signed(0xBF58476D1CE4E5B9), _signed(0x94D049BB133111EB)
_STEP = _signed(_GOLDEN)


def mix(z: Tensor) -> Tensor:
    """The finaliser of SplitMix64 on 64-bit integers, a bijection that looks random.

    Steele, Lea and Flood (2014), *Fast Splittable Pseudorandom Number Generators*, figure 15.
    """
    z = (z >> 30).bitwise_and_(2**34 - 1).bitwise_xor_(z).mul_(_FIRST)
    z.bitwise_xor_((z >> 27).bitwise_and_(2**37 - 1)).mul_(_SECOND)
    return z.bitwise_xor_((z >> 31).bitwise_and_(2**33 - 1))


def uniform_of(bits: Tensor) -> Tensor:
    """Numbers strictly between 0 and 1, in double precision, from 64 random bits each."""
    return (bits >> 12).bitwise_and_(2**52 - 1).double().add_(0.5).mul_(2.0**-52)


class ChainGenerator:
    """A generator for many chains: what a chain gets depends on the seed, its number and its time.

    Neither the number of chains beside it nor their order matters. The time of each chain is all of
    its state; it advances by one with each call of :meth:`log_uniform`.

    :param seed: Any integer.
    :param chains: The numbers of the chains, of shape ``(chains,)``, on the device to be used.
    :param time: The times of the chains; zero by default.

    Example::

        >>> from pyro.infer.mcmc.kernels.chain_generator import ChainGenerator
        >>> many = ChainGenerator(7, torch.arange(100)).log_uniform(2)
        >>> one = ChainGenerator(7, torch.tensor([42])).log_uniform(2)
        >>> many.shape, torch.equal(many[:, 42:43], one)
        (torch.Size([2, 100]), True)
    """

    def __init__(self, seed: int, chains: Tensor, time: Tensor | None = None) -> None:
        self._seed = seed
        self._chains = chains
        self._time = torch.zeros_like(chains) if time is None else time.clone()
        self._keys = mix(mix(chains + _signed(seed)) + _signed(seed >> 64))
        self._bits = self._uniforms = self._coordinates = self._keys[:0]
        self._row = 0  # of the present time; the first is that of self._time

    @property
    def time(self) -> Tensor:
        """The times of the chains, of shape ``(chains,)``."""
        return self._time + self._row

    def select(self, rows: Tensor) -> ChainGenerator:
        """The generator of some of the chains, at their times."""
        return ChainGenerator(self._seed, self._chains[rows], self.time[rows])

    def at(self, time: Tensor) -> ChainGenerator:
        """The generator of the same chains at other times."""
        return ChainGenerator(self._seed, self._chains, time)

    def log_uniform(self, kinds: int) -> Tensor:
        """Logarithms of uniform numbers, of shape ``(kinds, chains)``, of the next time."""
        self._row += 1
        return self.present(kinds)

    def present(self, kinds: int) -> Tensor:
        """Logarithms of uniform numbers, of shape ``(kinds, chains)``, of the present time."""
        if self._row >= len(self._uniforms) or self._uniforms.shape[1] != kinds:
            self._refill(kinds)
        return self._uniforms[self._row]

    def ahead(self, kinds: int) -> Tensor:
        """What the next calls of :meth:`log_uniform` would give, ``(n, kinds, chains)``, n > 0."""
        if self._row + 1 >= len(self._uniforms) or self._uniforms.shape[1] != kinds:
            self._refill(kinds)
        return self._uniforms[self._row + 1 :]

    def skip(self, times: int) -> None:
        """Go on as if :meth:`log_uniform` had been called, as often as :meth:`ahead` has told."""
        self._row += times

    def _refill(self, kinds: int) -> None:
        self._time, self._row = self.time, 0
        steps = max(2, min(256, _BLOCK // max(1, kinds * len(self._chains))))
        ahead = torch.arange(steps, device=self._time.device)[:, None]
        self._bits = mix(self._keys + (self._time + ahead) * _STEP)
        kind = torch.arange(kinds, device=self._time.device)[:, None] * _STEP
        self._uniforms = uniform_of(mix(self._bits[:, None] + kind)).log_()

    def normal(self, rows: Tensor, dim: int) -> Tensor:
        """Standard normal numbers of the present time.

        :param rows: Of the chains in question, ``(n,)``.
        :return: Of shape ``(n, dim)``, in double precision.
        """
        if self._row >= len(self._bits):
            self._refill(1)
        bits = self._bits[self._row].index_select(0, rows)[:, None]
        if len(self._coordinates) != dim:
            steps = torch.arange(dim, device=bits.device).mul_(_STEP)
            self._coordinates = steps.add_(_signed(_NORMAL))
        normal: Tensor = torch.special.ndtri(uniform_of(mix(bits + self._coordinates)))
        return normal
