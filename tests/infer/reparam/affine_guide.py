"""A guide over one vector, as continuous autoguides are, with a fixed affine transform."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.distributions import biject_to

import pyro.distributions as dist
from pyro import poutine


class AffineGuide:
    def __init__(self, model: Any, *args: Any) -> None:
        trace = poutine.trace(poutine.block(model, hide_types=["observe"])).get_trace(*args)
        self.prototype_trace = poutine.util.prune_subsample_sites(trace)
        self.sites = [trace.nodes[name] for name in self.prototype_trace.stochastic_nodes]
        self.shapes = [
            biject_to(site["fn"].support).inv(site["value"]).shape for site in self.sites
        ]
        self.dim = sum(shape.numel() for shape in self.shapes)
        generator = torch.Generator().manual_seed(1)
        noise = torch.randn(self.dim, self.dim + 1, generator=generator) * 0.3
        self.loc, self.tril = noise[:, 0], torch.tril(noise[:, 1:]) + torch.eye(self.dim)

    def get_base_dist(self) -> Any:
        return dist.Normal(torch.zeros(self.dim), 1.0).to_event(1)

    def get_transform(self, *args: Any, **kwargs: Any) -> Any:
        tril = torch.tril(self.tril, -1) + self.tril.diagonal().abs().diag()
        return dist.transforms.LowerCholeskyAffine(self.loc, tril)

    def _unpack_latent(self, latent: torch.Tensor) -> Iterator[tuple[Any, torch.Tensor]]:
        start = 0
        for site, shape in zip(self.sites, self.shapes, strict=True):
            part = latent[..., start : start + shape.numel()]
            start += shape.numel()
            outer = part.shape[:-1]
            if outer[len(outer) - (len(shape) - site["fn"].event_dim) :].numel() == 1:
                outer = outer[: max(0, len(outer) - (len(shape) - site["fn"].event_dim))]
            yield site, part.reshape(outer + shape)
