"""Predictions: runs of a model with values from a prior, a posterior or a guide."""

from pyro.infer.predictive.log_likelihood import log_likelihood
from pyro.infer.predictive.mh_resampler import MHResampler
from pyro.infer.predictive.point import posterior_mean, posterior_median
from pyro.infer.predictive.predictive import Predictive
from pyro.infer.predictive.weighed_predictive import WeighedPredictive, WeighedPredictiveResults

__all__ = [
    "MHResampler",
    "Predictive",
    "WeighedPredictive",
    "WeighedPredictiveResults",
    "log_likelihood",
    "posterior_mean",
    "posterior_median",
]
