"""The sites, plates and parameters of a model as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from pyro.infer.inspect.plates import nest_plates
from pyro.infer.inspect.structure import Program, structure_of


class ModelRelations(TypedDict):
    """What :func:`get_model_relations` returns; lists are in the order of the model."""

    sample_sample: dict[str, list[str]]
    sample_param: dict[str, list[str]]
    sample_dist: dict[str, str]
    param_constraint: dict[str, str]
    plate_sample: dict[str, list[str]]
    observed: list[str]


def get_model_relations(
    model: Program,
    model_args: tuple[Any, ...] | None = None,
    model_kwargs: Mapping[str, Any] | None = None,
    include_deterministic: bool = False,
) -> ModelRelations:
    """What each site of a model was computed from directly, its family and its plates.

    The model is run once, as for :func:`~pyro.infer.inspect.get_dependencies`. The keys of the
    result are

    * ``sample_sample``: for each sample site the sample sites from which it was computed;
    * ``sample_param``: for each sample site the parameters from which it was computed;
    * ``sample_dist``: the name of its family, or ``"Deterministic"``;
    * ``param_constraint``: the constraint of each parameter, as text;
    * ``plate_sample``: the sample sites in each plate. Any two plates are nested or share no site;
      a plate that crosses another one is listed twice, the second time with ``__CLONE`` after its
      name;
    * ``observed``: the observed sites, computed ones included.

    :param include_deterministic: Whether sites computed from a ``deterministic`` or ``Delta`` site
        depend on that site, rather than on what it was computed from.

    Example::

        >>> from pyro.infer.inspect import get_model_relations
        >>> def model(data):
        ...     m = pyro.sample("m", dist.Normal(0, 1))
        ...     sd = pyro.sample("sd", dist.LogNormal(m, 1))
        ...     with pyro.plate("N", len(data)):
        ...         pyro.sample("obs", dist.Normal(m, sd), obs=data)
        >>> relations = get_model_relations(model, (torch.ones(3),))
        >>> relations["sample_sample"]
        {'m': [], 'sd': ['m'], 'obs': ['m', 'sd']}
        >>> relations["sample_dist"], relations["plate_sample"], relations["observed"]
        ({'m': 'Normal', 'sd': 'LogNormal', 'obs': 'Normal'}, {'N': ['obs']}, ['obs'])
    """
    structure = structure_of(
        model, model_args or (), model_kwargs, include_deterministic=include_deterministic
    )
    samples = {name: site for name, site in structure.items() if site.is_sample}
    params = {name: site for name, site in structure.items() if not site.is_sample}
    around = {name: [f.name for f in site.frames] for name, site in samples.items()}
    return {
        "sample_sample": {
            n: [s for s in samples if s in site.sources] for n, site in samples.items()
        },
        "sample_param": {
            n: [p for p in params if p in site.sources] for n, site in samples.items()
        },
        "sample_dist": {name: site.law for name, site in samples.items()},
        "param_constraint": {name: site.law for name, site in params.items()},
        "plate_sample": nest_plates(around),
        "observed": [name for name, site in samples.items() if site.is_observed],
    }
