"""Handwritten digits: 1 797 real images of 8x8 pixels, bundled with scikit-learn, binarised."""

from __future__ import annotations

from typing import NamedTuple

import torch
from sklearn.datasets import load_digits
from torch import Tensor


class Digits(NamedTuple):
    """Images of shape (n, 64) with pixels 0. or 1., and their labels of shape (n,)."""

    images: Tensor
    labels: Tensor


class Split(NamedTuple):
    """A few labelled images, many unlabelled ones, and images held out for the test."""

    labelled: Digits
    unlabelled: Digits
    held_out: Digits


def load(labels_per_class: int = 10, num_held_out: int = 400, seed: int = 0) -> Split:
    """Split the data at random, with the same number of labelled images in each class."""
    raw = load_digits()
    images = torch.as_tensor(raw.data >= 8, dtype=torch.get_default_dtype())
    labels = torch.as_tensor(raw.target)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    train, held_out = order[num_held_out:], order[:num_held_out]
    few = torch.cat([train[labels[train] == d][:labels_per_class] for d in range(10)])
    rest = train[~torch.isin(train, few)]
    return Split(*(Digits(images[i], labels[i]) for i in (few, rest, held_out)))
