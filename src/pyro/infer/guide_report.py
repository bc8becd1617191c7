"""How good a guide is, by the importance weights of its draws, and draws corrected by them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from pyro.infer.errors import InferenceError
from pyro.infer.prototype import Program
from pyro.infer.weighted_draws import WeightedDraws, weighted_draws
from pyro.ops.psis import k_threshold, psis, tail_length
from pyro.ops.weighted import systematic_resample, weighted_quantile

Verdict = Literal["good", "usable", "bad", "point"]
_ROWS = 40

_WORDS: dict[Verdict, str] = {
    "good": "The guide is close to the posterior; its draws can be used, better corrected.",
    "usable": "Use the corrected draws (resample, summary); those of the guide itself are biased.",
    "bad": (
        "Do not trust the guide, nor the corrected draws. Try a more flexible guide (a full "
        "covariance in place of a mean field, or a flow), reparameterise the model (non-centred "
        "hierarchies), train it longer; or use NUTS."
    ),
    "point": (
        "The guide is a point at {points}, so its draws say nothing about the spread of the "
        "posterior, nor their weights about the guide."
    ),
}


@dataclass(frozen=True, repr=False)
class GuideReport:
    r"""What :func:`guide_diagnostics` found out; ``print`` shows it.

    :param samples: The guide's draws of the model's latent and deterministic sites, by name, of
        shape ``(n,) + shape of the site``.
    :param log_weights: :math:`\log p(x, z_i) - \log q(z_i)`, of shape ``(n,)``.
    :param psis_log_weights: The same, smoothed and normalised.
    :param k_hat: The shape of the tail of the weights.
    :param elbo: The mean of ``log_weights``, the evidence lower bound.
    :param elbo_se: Its standard error.
    :param log_evidence: The estimate of :math:`\log p(x)` from smoothed weights.
    :param log_evidence_se: Its standard error; of use only where ``k_hat`` is below the threshold.
    :param ess: The effective number :math:`1 / \sum_i w_i^2` of draws under smoothed weights.
    :param points: The continuous sites that have one value in all draws.
    :param looped_because: Why draws were made one by one; empty if they were made together.
    """

    samples: Mapping[str, Tensor]
    log_weights: Tensor
    psis_log_weights: Tensor
    k_hat: float
    elbo: float
    elbo_se: float
    log_evidence: float
    log_evidence_se: float
    ess: float
    points: tuple[str, ...] = ()
    looped_because: str = ""

    @property
    def num_samples(self) -> int:
        """The number of draws."""
        return len(self.log_weights)

    @property
    def threshold(self) -> float:
        r"""The greatest usable :math:`\hat k` for as many draws: at most 0.7."""
        return k_threshold(self.num_samples)

    @property
    def verdict(self) -> Verdict:
        """``"good"`` (k-hat below 0.5); ``"usable"`` with the corrected draws (below the
        threshold); ``"bad"``; or ``"point"``, where nothing can be said."""
        if self.points:
            return "point"
        if self.k_hat < min(0.5, self.threshold):
            return "good"
        return "usable" if self.k_hat <= self.threshold else "bad"

    @property
    def advice(self) -> str:
        """What to do, in words."""
        return _WORDS[self.verdict].format(points=", ".join(map(repr, self.points)))

    def resample(self, num_samples: int | None = None) -> dict[str, Tensor]:
        """Draws from the posterior: those of the guide, each as often as its weight says.

        They can be given to :class:`~pyro.infer.Predictive` as ``posterior_samples``. Warns if the
        verdict is bad.

        :param num_samples: How many; by default as many as the guide has drawn.
        """
        self._warn()
        n = self.num_samples if num_samples is None else num_samples
        indices = systematic_resample(self.psis_log_weights, n)
        return {name: value[indices] for name, value in self.samples.items()}

    def expectation(self, fn: Callable[[Mapping[str, Tensor]], Tensor]) -> Tensor:
        """The posterior mean of a function of the sites.

        :param fn: Given ``samples``, it returns a tensor with the draws leftmost.
        """
        self._warn()
        return _mean(fn(self.samples), self.psis_log_weights)

    def summary(self, prob: float = 0.9) -> dict[str, dict[str, Tensor]]:
        """By site: mean, standard deviation, median and central interval of the posterior.

        :param prob: The probability of the interval; its bounds are named ``"5.0%"`` and
            ``"95.0%"`` for 0.9.
        """
        if not 0 < prob < 1:
            raise InferenceError(f"summary: prob must be between 0 and 1, but is {prob}")
        self._warn()
        return self._summary(prob)

    def _summary(self, prob: float) -> dict[str, dict[str, Tensor]]:
        bounds = [(1 - prob) / 2, 0.5, (1 + prob) / 2]
        named = [f"{100 * bounds[0]:.1f}%", "median", f"{100 * bounds[2]:.1f}%"]
        result = {}
        for name, value in self.samples.items():
            mean = _mean(value, self.psis_log_weights)
            spread = _mean((value - mean).square(), self.psis_log_weights).sqrt()
            quantiles = weighted_quantile(value, self.psis_log_weights, bounds)
            result[name] = {"mean": mean, "sd": spread, **dict(zip(named, quantiles, strict=True))}
        return result

    def _warn(self) -> None:
        if self.verdict in ("bad", "point"):
            warnings.warn(
                f"k-hat of the guide is {self.k_hat:.2f}. {self.advice}", UserWarning, stacklevel=3
            )

    def __repr__(self) -> str:
        return (
            f"GuideReport(k_hat={self.k_hat:.2f}, verdict={self.verdict!r}, "
            f"elbo={self.elbo:.4g}, ess={self.ess:.0f} of {self.num_samples})"
        )

    def __str__(self) -> str:
        lines = [
            f"k-hat {self.k_hat:.2f} ({self.verdict}; good below 0.5, usable below "
            f"{self.threshold:.2f}), from {self.num_samples} draws",
            self.advice,
            f"effective draws  {self.ess:.0f}",
            f"ELBO             {self.elbo:.4f} ± {self.elbo_se:.4f}",
            f"log evidence     {self.log_evidence:.4f} ± {self.log_evidence_se:.4f}",
        ]
        return "\n".join([*lines, "", *_table(self._summary(0.9))])


def guide_diagnostics(
    model: Program,
    guide: Program,
    *args: Any,
    num_samples: int = 2000,
    max_plate_nesting: int | None = None,
    batch_size: int | None = None,
    **kwargs: Any,
) -> GuideReport:
    r"""How good an approximation of the posterior a guide is, and what corrects it.

    Draws :math:`z_i` from the guide get the weights :math:`w_i = p(x, z_i) / q(z_i)`, which are
    smoothed (:func:`~pyro.ops.psis.psis`). The shape :math:`\hat k` of their tail says how far to
    trust the guide: below 0.5 it is close to the posterior; below 0.7 averages are right with the
    weights; above, not even those. Draws are made together, if the programs allow it, which is
    checked; otherwise one by one.

    Sites that the model marks for parallel enumeration, and the guide lacks, are summed out.

    See Yao, Vehtari, Simpson and Gelman (2018), *Yes, but Did It Work?: Evaluating Variational
    Inference*; Vehtari, Simpson, Gelman, Yao and Gabry (2024), *Pareto Smoothed Importance
    Sampling*.

    :param args: The arguments of model and guide, with ``kwargs``: with all data.
    :param num_samples: How many draws.
    :param max_plate_nesting: How deeply plates are nested; found out by default.
    :param batch_size: How many draws to make together, at most; by default all.
    :raises InferenceError: with fewer than 25 draws, or if none has a finite density.

    Example::

        >>> from pyro.infer import guide_diagnostics
        >>> x = torch.tensor([0.3, -1.2, 0.8, 2.0])
        >>> def model():
        ...     z = pyro.sample("z", dist.Normal(0.0, 1.0))
        ...     with pyro.plate("data", 4):
        ...         pyro.sample("x", dist.Normal(z, 1.0), obs=x)
        >>> def guide():
        ...     pyro.sample("z", dist.Normal(0.5, 0.5))  # exact: 0.38, 0.447
        >>> report = guide_diagnostics(model, guide)
        >>> report.verdict, round(report.summary()["z"]["mean"].item(), 2)
        ('good', 0.38)
        >>> def narrow():
        ...     pyro.sample("z", dist.Normal(0.0, 0.2))
        >>> guide_diagnostics(model, narrow).verdict
        'bad'
    """
    if num_samples < 25:
        raise InferenceError(f"guide_diagnostics needs at least 25 draws, not {num_samples}")
    draws = weighted_draws(
        model, guide, args, kwargs, num_samples,
        max_plate_nesting=max_plate_nesting, at_once=batch_size,
    )  # fmt: skip
    return make_report(draws)


def make_report(draws: WeightedDraws) -> GuideReport:
    """The report on draws that are weighted already.

    :raises InferenceError: if none has a finite density.
    """
    log_weights, n = draws.log_weights, len(draws.log_p)
    if not bool(log_weights.isfinite().any()):
        raise InferenceError(
            f"guide_diagnostics: none of {n} draws of the guide has a finite density; the first is "
            f"{draws.log_p[0]:.6g} under the model and {draws.log_q[0]:.6g} under the guide. The "
            "guide draws what the model excludes, or something is NaN."
        )
    smoothed, k_hat = psis(log_weights)
    ess = 1 / (2 * smoothed).logsumexp(0).exp().item()
    return GuideReport(
        samples=draws.values,
        log_weights=log_weights,
        psis_log_weights=smoothed,
        k_hat=math.inf if draws.points else k_hat.item(),
        elbo=log_weights.mean().item(),
        elbo_se=log_weights.std().item() / math.sqrt(n),
        log_evidence=_log_mean(log_weights, smoothed),
        log_evidence_se=math.sqrt(max(1 / ess - 1 / n, 0.0)),
        ess=ess,
        points=draws.points,
        looped_because=draws.looped_because,
    )


def _log_mean(log_weights: Tensor, smoothed: Tensor) -> float:
    """The logarithm of the mean of the smoothed weights before they were normalised.

    Weights that are not in the tail differ from the normalised ones by their sum alone.
    """
    n = len(log_weights)
    order = log_weights.nan_to_num(nan=-math.inf).argsort()
    at = order[max(n - tail_length(n) - 1, 0)]
    if not bool(log_weights[at].isfinite()):
        return float(log_weights.logsumexp(0)) - math.log(n)
    return float(log_weights[at] - smoothed[at]) - math.log(n)


def _mean(values: Tensor, log_weights: Tensor) -> Tensor:
    if not values.is_floating_point():
        values = values.to(torch.get_default_dtype())
    mean: Tensor = torch.tensordot(log_weights.exp().to(values), values, dims=([0], [0]))
    return mean


def _table(summary: Mapping[str, Mapping[str, Tensor]]) -> Iterator[str]:
    """Lines of text, one per element of a site, up to a number."""
    rows = [
        (name + (f"[{','.join(map(str, index))}]" if index else ""), columns, index)
        for name, columns in summary.items()
        for index in _indices(columns["mean"].shape)
    ]
    if not rows:
        return
    width = max(len(label) for label, *_ in rows[:_ROWS])
    yield " ".join([" " * width, *(f"{title:>10}" for title in rows[0][1])])
    for label, columns, index in rows[:_ROWS]:
        yield " ".join(
            [f"{label:<{width}}", *(f"{c[index].item():>10.4g}" for c in columns.values())]
        )
    if len(rows) > _ROWS:
        yield f"... and {len(rows) - _ROWS} more"


def _indices(shape: torch.Size) -> Iterator[tuple[int, ...]]:
    for flat in range(min(shape.numel(), _ROWS + 1)):
        index = []
        for size in reversed(shape):
            flat, remainder = divmod(flat, size)
            index.append(remainder)
        yield tuple(reversed(index))
