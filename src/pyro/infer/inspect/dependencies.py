"""Which sites of a model depend on each other, before and after the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyro.infer.inspect.structure import Program, Statement, Structure, structure_of

Dependencies = dict[str, dict[str, set[str]]]


def get_dependencies(
    model: Program,
    model_args: tuple[Any, ...] | None = None,
    model_kwargs: Mapping[str, Any] | None = None,
    include_deterministic: bool = False,
) -> dict[str, Dependencies]:
    r"""The graphs of direct dependencies between the sites of a model, in prior and posterior.

    The model is run once, and the tensors it computes are followed; so a dependency is found also
    where its gradient is zero. A latent value that decides a branch, or becomes a Python number,
    counts for all later sites.

    * ``"prior_dependencies"`` maps each latent and each observed site to the latent sites from
      which it was computed directly, and itself. Sites are in the order of the model.
    * ``"posterior_dependencies"`` maps each latent site to the later sites, and itself, with which
      it is joined in the moral graph: those computed from it, and those latent ones from which
      one site was computed together with it.

    The innermost sets are the plates across which elements depend on each other: sites in a
    common plate depend index by index, unless the plate is in the set. Computed values
    (``pyro.deterministic``, ``Delta``) are passed through, and observed sites under
    ``mask(mask=False)`` are left out.

    See Webb, Golinski, Zinkov, Siddharth, Rainforth, Teh and Wood (2018), *Faithful Inversion of
    Generative Models for Effective Amortized Inference*, section 3 (moral graphs).

    :param include_deterministic: Whether computed values are sites of their own.
    :return: Both graphs, ``graph[downstream][upstream]`` in the prior and
        ``graph[upstream][downstream]`` in the posterior being a set of plates.

    Example::

        >>> from pyro.infer.inspect import get_dependencies
        >>> def model(y):
        ...     with pyro.plate("p", 5):
        ...         a = pyro.sample("a", dist.Normal(0.0, 1.0))
        ...     pyro.sample("b", dist.Normal(a.sum(), 1.0), obs=y)
        >>> graphs = get_dependencies(model, (torch.tensor(0.0),))
        >>> graphs["prior_dependencies"]
        {'a': {'a': set()}, 'b': {'b': set(), 'a': set()}}
        >>> graphs["posterior_dependencies"]  # each a[i] depends on each a[j]
        {'a': {'a': {'p'}, 'b': set()}}
    """
    structure = structure_of(
        model, model_args or (), model_kwargs, include_deterministic=include_deterministic
    )
    shown = {s.name: s for s in structure.values() if _is_shown(s, include_deterministic)}
    causes = [name for name, s in shown.items() if s.is_elided or not s.is_observed]
    parents = {name: [c for c in causes if c in s.sources] for name, s in shown.items()}
    return {
        "prior_dependencies": {
            name: {name: set(), **{cause: set() for cause in causes}}
            for name, causes in parents.items()
        },
        "posterior_dependencies": _moral_graph(shown, causes, parents),
    }


def _is_shown(statement: Statement, include_deterministic: bool) -> bool:
    if not statement.is_sample:
        return False
    if statement.is_elided:
        return include_deterministic
    return statement.is_scored or not statement.is_observed


def _moral_graph(
    sites: Structure, causes: list[str], parents: Mapping[str, list[str]]
) -> Dependencies:
    """Join each cause with its effects, and all causes of one effect with each other."""
    position = {name: i for i, name in enumerate(sites)}
    graph: Dependencies = {name: {name: set()} for name in causes}
    for effect, together in parents.items():
        for i, first in enumerate(together):
            graph[first].setdefault(effect, set())
            for second in together[i:]:
                across = (sites[first].plates & sites[second].plates) - sites[effect].plates
                graph[first].setdefault(second, set()).update(across)
    return {
        name: dict(sorted(joined.items(), key=lambda item: position[item[0]]))
        for name, joined in graph.items()
    }
