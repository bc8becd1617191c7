"""Relations of models, and the pictures made of them."""

from __future__ import annotations

import importlib
import importlib.util
import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import pyro
import pyro.distributions as dist
from pyro.infer.errors import InferenceError
from pyro.infer.inspect import (
    ModelText,
    generate_graph_specification,
    get_model_relations,
    render_graph,
    render_text,
)
from pyro.infer.inspect.plates import nest_plates
from pyro.infer.inspect.specification import nodes_directly_in

Model = Callable[..., Any]
DATA = (torch.tensor(0.0),)


def rich(data: Tensor | None) -> None:
    m = pyro.sample("m", dist.Normal(0, 1))
    s = pyro.param("s", torch.tensor(1.0), constraint=dist.constraints.positive)
    with pyro.plate("N", 3):
        z = pyro.sample("z", dist.Normal(m, s))
        d = pyro.deterministic("d", z.exp())
        with pyro.plate("M", 2):
            x = pyro.sample("x", dist.Normal(d, 1))
            pyro.factor("f", -(x**2))
    e = pyro.sample("e", dist.Delta(m))
    pyro.sample("obs", dist.Normal(z.sum(), e.exp()).mask(torch.tensor(True)), obs=data)
    with pyro.plate("M2", 4, subsample_size=2):
        pyro.sample("w", dist.Normal(torch.zeros(2, 3), 1.0).to_event(1))


RELATIONS = {
    "sample_sample": {
        "m": [],
        "z": ["m"],
        "d": ["z"],
        "x": ["z"],
        "f": ["x"],
        "e": ["m"],
        "obs": ["m", "z"],
        "w": [],
    },
    "sample_param": {name: ["s"] if name == "z" else [] for name in tuple("mzdxfew") + ("obs",)},
    "sample_dist": {
        "m": "Normal",
        "z": "Normal",
        "d": "Deterministic",
        "x": "Normal",
        "f": "Unit",
        "e": "Delta",
        "obs": "Normal",
        "w": "Normal",
    },
    "param_constraint": {"s": "GreaterThan(lower_bound=0.0)"},
    "plate_sample": {"N": ["z", "d", "x", "f"], "M": ["x", "f"], "M2": ["w"]},
    "observed": ["d", "f", "obs"],
}


def test_relations() -> None:
    assert get_model_relations(rich, DATA) == RELATIONS
    with_computed = get_model_relations(rich, DATA, include_deterministic=True)["sample_sample"]
    assert with_computed == {**RELATIONS["sample_sample"], "x": ["d"], "obs": ["z", "e"]}


def test_observed_sites_are_sources_here() -> None:
    def model() -> None:
        x = pyro.sample("x", dist.Normal(0.0, 1.0), obs=torch.tensor(1.0))
        pyro.sample("y", dist.Normal(x, 1.0), obs=torch.tensor(1.0))

    assert get_model_relations(model)["sample_sample"] == {"x": [], "y": ["x"]}


def test_constraint_of_a_parameter_that_is_read() -> None:
    pyro.param("s", torch.tensor(1.0), constraint=dist.constraints.positive)
    relations = get_model_relations(lambda: pyro.sample("x", dist.Normal(0.0, pyro.param("s"))))
    assert relations["param_constraint"] == {"s": "GreaterThan(lower_bound=0.0)"}
    assert relations["sample_param"] == {"x": ["s"]}


def test_specification() -> None:
    relations = get_model_relations(rich, DATA)
    spec = generate_graph_specification(relations)
    assert spec["plate_groups"] == {**RELATIONS["plate_sample"], None: ["m", "e", "obs"]}
    assert spec["plate_data"] == {
        "N": {"parent": None},
        "M": {"parent": "N"},
        "M2": {"parent": None},
    }
    assert spec["node_data"]["f"] == {"is_observed": True, "distribution": "Unit"}
    assert spec["edge_list"][:3] == [("m", "z"), ("z", "d"), ("z", "x")]
    assert nodes_directly_in(spec, "N") == ["z", "d"]
    spec = generate_graph_specification(relations, render_params=True)
    assert spec["node_data"]["s"] == {
        "is_observed": False,
        "constraint": "GreaterThan(lower_bound=0.0)",
        "distribution": None,
    }
    assert spec["edge_list"][-1] == ("s", "z") and spec["plate_groups"][None][-1] == "s"


PLATES: list[tuple[dict[str, list[str]], dict[str, list[str]]]] = [
    ({}, {}),
    ({"x": ["N", "M"]}, {"N": ["x"], "M": ["x"]}),
    ({"x": ["M"], "y": ["N", "M"]}, {"M": ["x", "y"], "N": ["y"]}),
    ({"x": ["N"], "y": ["M"], "z": ["N", "M"]}, {"N": ["x", "z"], "M__CLONE": ["y"], "M": ["z"]}),
    (
        {"x": ["N"], "y": ["M"], "z": ["L"], "a": ["N", "L"], "b": ["M", "L"]},
        {"N": ["x"], "M": ["y"], "L": ["z", "a", "b"], "N__CLONE": ["a"], "M__CLONE": ["b"]},
    ),
]


@pytest.mark.parametrize(("plates", "nested"), PLATES)
def test_boxes_are_nested_or_apart(
    plates: dict[str, list[str]], nested: dict[str, list[str]]
) -> None:
    boxes = nest_plates(plates)
    sets = [set(sites) for sites in boxes.values()]
    for first in sets:
        assert all(first <= second or second <= first or not first & second for second in sets)
    for site, around in plates.items():
        shown = sorted(name.split("__")[0] for name, sites in boxes.items() if site in sites)
        assert shown == sorted(around)
    assert sorted(map(sorted, boxes.values())) == sorted(map(sorted, nested.values()))


def test_source_of_the_graph() -> None:
    graph = pyro.render_model(
        rich, DATA, render_distributions=True, render_params=True, render_deterministic=True
    )
    lines = [line.strip() for line in graph.source.splitlines()]
    for expected in (
        "m [label=m fillcolor=white shape=ellipse style=filled]",
        "obs [label=obs fillcolor=gray shape=ellipse style=filled]",
        'd [label=d fillcolor=gray shape=ellipse style="filled,dashed"]',
        "s [label=s fillcolor=white shape=plain style=filled]",
        "subgraph cluster_N {",
        "label=N labeljust=r labelloc=b",
        "d -> x",
        "s -> z",
    ):
        assert lines.count(expected) == 1, expected
    assert "m ~ Normal\\l" in graph.source and "s : GreaterThan(lower_bound=0.0)\\l" in graph.source
    plain = pyro.render_model(rich, DATA)
    assert "z -> x" in plain.source and "Normal" not in plain.source and " s " not in plain.source


def test_partly_observed_and_awkward_names() -> None:
    def model(data: Tensor | None, other: int = 0) -> None:
        z = pyro.sample("a:z", dist.Normal(0.0, 1.0))
        pyro.sample("<b>", dist.Normal(z, 1.0), obs=data)

    graph = pyro.render_model(model, [(torch.tensor(0.0),), (None,)], {"other": 1})
    assert '"a:z" fillcolor=white' in graph.source and '"gray:white"' in graph.source
    assert "a_z__0 -> " in graph.source and "<b>]" not in graph.source
    text = str(render_text(model, [(torch.tensor(0.0),), (None,)]))
    assert "\N{CIRCLE WITH LEFT HALF BLACK} <b> \N{LEFTWARDS ARROW} a:z" in text
    assert "&lt;b&gt;" in render_text(model, DATA)._repr_html_()


TEXT = """\
□ s : GreaterThan(lower_bound=0.0)
○ m ~ Normal
╭─ N ─────────────────────╮
│ ○ z ~ Normal ← m, s     │
│ ◇ d ~ Deterministic ← z │
│ ╭─ M ──────────────╮    │
│ │ ○ x ~ Normal ← d │    │
│ │ ● f ~ Unit ← x   │    │
│ ╰──────────────────╯    │
╰─────────────────────────╯
○ e ~ Delta ← m
● obs ~ Normal ← z, e
╭─ M2 ─────────╮
│ ○ w ~ Normal │
╰──────────────╯

○ latent  ● observed  ◇ computed  □ parameter"""


def test_text() -> None:
    text = render_text(rich, DATA, None, True, True, True)
    assert str(text) == repr(text) == text.source == TEXT


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_text_prints_where_the_console_has_few_characters(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written, encoding=encoding))
    text = render_text(rich, DATA, None, True, True, True)
    print(text, flush=True)
    assert text.source == TEXT
    printed = written.getvalue().decode(encoding).strip()
    boxes = str.maketrans("│─╭╮╰╯○●◐◇□", "|-++++o*%.=")
    expected = TEXT.translate(boxes).replace("\N{LEFTWARDS ARROW}", "<-")
    filling = re.compile("[ -]+")
    assert filling.sub(" ", printed) == filling.sub(" ", expected)
    lines = [line for line in printed.split("\n") if line[-1:] in ("+", "|")]
    assert {len(line) for line in lines[:7]} == {len(lines[0])}


def test_without_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    text = pyro.render_model(rich, DATA, None, tmp_path / "m.txt", True, True, True)
    assert isinstance(text, ModelText) and str(text) == TEXT
    assert (tmp_path / "m.txt").read_text(encoding="utf-8") == TEXT + "\n"
    assert text._repr_mimebundle_()["text/plain"] == TEXT
    with pytest.raises(InferenceError, match=r"m\.pdf.*package `graphviz` is missing"):
        pyro.render_model(rich, DATA, filename="m.pdf")


def test_without_the_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    graph = pyro.render_model(rich, DATA, filename=tmp_path / "m.gv")
    assert (tmp_path / "m.gv").read_text() == graph.source
    assert graph._repr_mimebundle_()["text/plain"] == str(render_text(rich, DATA))
    with pytest.raises(InferenceError, match="program `dot` is missing"):
        pyro.render_model(rich, DATA, filename="m.pdf")


@pytest.mark.skipif(shutil.which("dot") is None, reason="draws with the program dot")
def test_with_the_program(tmp_path: Path) -> None:
    graph = pyro.render_model(rich, DATA, filename=str(tmp_path / "m.svg"), render_params=True)
    assert (tmp_path / "m.svg").read_text().count("<ellipse") == 8
    assert [path.name for path in tmp_path.iterdir()] == ["m.svg"]
    assert "image/svg+xml" in graph._repr_mimebundle_()


@pytest.mark.parametrize(
    ("args", "kwargs", "text"),
    [
        (torch.ones(3), None, r"must be a tuple .* got Tensor; write model_args=\(data,\)"),
        ([DATA, DATA], [{}, {}, {}], "2 calls in model_args, but 3 in model_kwargs"),
        ([], None, "0 calls"),
    ],
)
def test_wrong_arguments(args: Any, kwargs: Any, text: str) -> None:
    with pytest.raises(InferenceError, match=text):
        pyro.render_model(rich, args, kwargs)


def test_graph_of_a_specification() -> None:
    graphviz = importlib.import_module("graphviz")
    graph = render_graph(generate_graph_specification(get_model_relations(rich, DATA)))
    assert isinstance(graph, graphviz.Digraph)
