"""Draw a model."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyro.infer.errors import InferenceError
from pyro.infer.inspect.digraph import can_draw, render_graph
from pyro.infer.inspect.model_text import ModelText
from pyro.infer.inspect.relations import get_model_relations
from pyro.infer.inspect.specification import (
    GraphSpecification,
    generate_graph_specification,
    merge_specifications,
)
from pyro.infer.inspect.structure import Program

Args = tuple[Any, ...]
Kwargs = Mapping[str, Any]


def render_model(
    model: Program,
    model_args: Args | list[Args] | None = None,
    model_kwargs: Kwargs | list[Kwargs] | None = None,
    filename: str | Path | None = None,
    render_distributions: bool = False,
    render_params: bool = False,
    render_deterministic: bool = False,
) -> Any:
    """Draw a model: sites, plates, and what was computed from what in one run.

    Observed sites are gray, computed ones dashed, plates are boxes. Without the Python package
    ``graphviz`` the result is a text, which shows itself when printed and in notebooks. With the
    package but without the program ``dot``, the result is a ``graphviz.Digraph`` that notebooks
    show as that text.

    :param model_args: Positional arguments of the model; or a list of tuples, for a model that is
        given observations in some calls and none in others.
    :param model_kwargs: Keyword arguments of the model, or a list of them.
    :param filename: A file to write; its suffix says what. ``.txt`` writes the text, ``.gv`` and
        ``.dot`` the source of the graph; ``.pdf``, ``.svg``, ``.png`` and others need ``dot``.
    :param render_distributions: Whether families and constraints are listed.
    :param render_params: Whether parameters are drawn.
    :param render_deterministic: Whether ``deterministic`` sites are drawn between what they were
        computed from and what is computed from them, rather than passed through.
    :return: A ``graphviz.Digraph``, or without that package a
        :class:`~pyro.infer.inspect.ModelText`.
    :raises InferenceError: if ``model_args`` is no tuple, or what writes the file is missing.

    Example::

        >>> from pyro.infer.inspect import render_text
        >>> def model(data):
        ...     m = pyro.sample("m", dist.Normal(0, 1))
        ...     sd = pyro.sample("sd", dist.LogNormal(m, 1))
        ...     with pyro.plate("N", len(data)):
        ...         pyro.sample("obs", dist.Normal(m, sd), obs=data)
        >>> graph = pyro.render_model(model, (torch.ones(3),))  # shown by a notebook
        >>> print(render_text(model, (torch.ones(3),), render_distributions=True))
        ○ m ~ Normal
        ○ sd ~ LogNormal ← m
        ╭─ N ────────────────────╮
        │ ● obs ~ Normal ← m, sd │
        ╰────────────────────────╯
        <BLANKLINE>
        ○ latent  ● observed
    """
    spec = _specification(model, model_args, model_kwargs, render_params, render_deterministic)
    text = ModelText(spec, render_distributions)
    graph = render_graph(spec, render_distributions) if _has_graphviz() else None
    if filename is not None:
        _write(Path(filename), text, graph)
    return text if graph is None else graph


def render_text(
    model: Program,
    model_args: Args | list[Args] | None = None,
    model_kwargs: Kwargs | list[Kwargs] | None = None,
    render_distributions: bool = False,
    render_params: bool = False,
    render_deterministic: bool = False,
) -> ModelText:
    """The text of :func:`render_model`, also where graphviz is installed; same parameters."""
    spec = _specification(model, model_args, model_kwargs, render_params, render_deterministic)
    return ModelText(spec, render_distributions)


def _specification(
    model: Program, model_args: Any, model_kwargs: Any, render_params: bool, deterministic: bool
) -> GraphSpecification:
    specs = []
    for args, kwargs in _calls(model_args, model_kwargs):
        relations = get_model_relations(model, args, kwargs, include_deterministic=deterministic)
        specs.append(generate_graph_specification(relations, render_params))
    return merge_specifications(specs)


def _calls(model_args: Any, model_kwargs: Any) -> list[tuple[Args, Kwargs]]:
    """The arguments of each run."""
    args = model_args if isinstance(model_args, list) else [model_args]
    kwargs = model_kwargs if isinstance(model_kwargs, list) else [model_kwargs]
    for one in args:
        if not isinstance(one, tuple | None):
            raise InferenceError(
                f"render_model: model_args must be a tuple (or a list of tuples), but got "
                f"{type(one).__name__}; write model_args=(data,) for one argument"
            )
    count = max(len(args), len(kwargs))
    if {len(args), len(kwargs)} - {1, count} or not count:
        raise InferenceError(
            f"render_model: {len(args)} calls in model_args, but {len(kwargs)} in model_kwargs"
        )
    args, kwargs = (every * count if len(every) == 1 else every for every in (args, kwargs))
    return [(a or (), k or {}) for a, k in zip(args, kwargs, strict=True)]


def _write(path: Path, text: ModelText, graph: Any) -> None:
    if path.suffix == ".txt":
        text.save(path)
    elif graph is not None and path.suffix in (".gv", ".dot"):
        graph.save(path)
    elif graph is not None and can_draw():
        stem, kind = str(path.with_suffix("")), path.suffix[1:] or "pdf"
        graph.render(stem, format=kind, cleanup=True)
    else:
        missing = "Python package `graphviz`" if graph is None else "program `dot`"
        raise InferenceError(
            f"render_model(filename={str(path)!r}): the {missing} is missing. Install graphviz, or "
            "give a filename that ends in .txt to write the text"
        )


def _has_graphviz() -> bool:
    return importlib.util.find_spec("graphviz") is not None
