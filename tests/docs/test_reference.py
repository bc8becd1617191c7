"""The reference is complete, and as committed is what the docstrings say."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
import torch.distributions as td

import pyro.distributions as dist
from tools import docstrings, reference_constraints, reference_families, reference_transforms
from tools.reference_families import Family
from tools.write_reference import main, pages

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
ALL = reference_families.families()
FAMILIES = [family for family in ALL if not family.structural]
TRANSFORMS = [*reference_transforms.classes(False), *reference_transforms.classes(True)]
families = pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)


def parameters(cls: object) -> set[str]:
    """What a constructor takes, besides what all constructors take."""
    return set(inspect.signature(cls).parameters) - {"validate_args", "cache_size", "args"}  # type: ignore[arg-type]


@families
def test_docstring_is_complete(family: Family) -> None:
    doc = family.doc
    assert doc.formula, "no density: begin with :math:`...`"
    assert doc.text, "no word about what it is for"
    assert parameters(family.cls) <= set(doc.parameters), "a parameter without :param"
    assert any(re.search(docstrings.YEAR, source) for source in doc.source), "no source"
    assert ">>>" in doc.example, "no example"


@families
def test_page_tells_all(family: Family) -> None:
    page = reference_families.page(family, lambda name: None)
    assert page.count("```math\n") >= 1
    for heading in ("## Values and methods", "## Source", "## Example"):
        assert heading in page
    for name, constraint in family.one.arg_constraints.items():
        if name in family.doc.parameters:
            (row,) = re.findall(rf"^\| `{name}` \|.*$", page, re.MULTILINE)
            assert "constraints.md" in row or constraint.__class__.__name__.startswith("_Depend")
    assert page.count("$`") == page.count("`$"), "mathematics that is not closed"
    assert "``" not in page.replace("```", "") and ":math:" not in page


def test_documented_names_are_the_exported_ones() -> None:
    """Classes stand in the index of the reference, and the rest in the page on distributions."""
    index = (FOLDER / "index.md").read_text(encoding="utf-8")
    linked = re.findall(r"^\| \[(\w+)\]\((?!transforms|flows|constraints)", index, re.MULTILINE)
    assert sorted(linked) == sorted(family.name for family in ALL)
    prose = (FOLDER.parent / "distributions.md").read_text(encoding="utf-8")
    ours = {family.name for family in FAMILIES if not hasattr(td, family.name)}
    others = (set(dist.__all__) - set(linked)) | ours
    assert [name for name in sorted(others) if f"{name}" not in re.findall(r"\w+", prose)] == []


def test_every_kind_has_a_family_and_every_family_a_kind() -> None:
    kinds = {reference_families.kind(family) for family in ALL}
    assert kinds <= set(reference_families.KINDS)


@pytest.mark.parametrize(("name", "cls"), TRANSFORMS, ids=[name for name, _ in TRANSFORMS])
def test_transform_states_formula_inverse_and_determinant(name: str, cls: type) -> None:
    doc = reference_transforms.documented(name, cls)
    assert parameters(cls) - {"kwargs"} <= set(doc.parameters)
    text = " ".join([doc.formula, *doc.text, *doc.source])
    if name.startswith("Conditional"):
        assert f":class:`{name.removeprefix('Conditional')}`" in text
        return
    assert ":math:" in text
    assert re.search(r"inverse|undo|[Bb]oth ways|not injective", text, re.IGNORECASE)
    assert re.search(r"determinant|\\det|volume", text)
    if name not in reference_transforms.TORCH:
        assert re.search(docstrings.YEAR, text) and doc.example


def test_every_constraint_is_described() -> None:
    described = set(reference_constraints.SETS)
    names = set(reference_constraints.constraints.__all__)
    beside = {"Constraint", "MixtureSameFamilyConstraint", "corr_cholesky_constraint"}
    assert names - described == beside | {"dependent_property", "is_dependent"}
    assert described <= names


def test_committed_pages_are_those_of_the_docstrings() -> None:
    expected = pages()
    committed = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*")}
    assert sorted(committed) == sorted(expected), "run `make reference`"
    different = [name for name, text in expected.items() if committed[name] != text]
    assert not different, "run `make reference`"


def test_stale_pages_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.write_reference.pages", lambda: {"index.md": "# Reference\n"})
    stale = tmp_path / "docs" / "reference" / "gone.md"
    stale.parent.mkdir(parents=True)
    stale.write_text("# Gone\n")
    assert main(tmp_path) == 0
    assert [path.name for path in stale.parent.iterdir()] == ["index.md"]


def test_blocks_of_code_keep_their_lines() -> None:
    doc = docstrings.parse(":math:`f`.\n\nAs a program::\n\n    a = 1\n\n    b = 2\n\nEnd.")
    assert doc.text[:2] == ["As a program:", "```text\na = 1\n```"]
    assert docstrings.paragraph(doc.text[1], lambda name: None) == doc.text[1]
    assert docstrings.display(doc.formula) == "```math\nf\n```"


@pytest.mark.parametrize(
    ("prose", "source"),
    [
        ("What it is.  See Gauss (1809), *Theoria Motus*.", "See Gauss (1809), *Theoria Motus*."),
        ("What it is.  Gauss (1809), *Theoria Motus*.", "Gauss (1809), *Theoria Motus*."),
        ("It is (Gauss 1809, *Theoria Motus*) normal.", "Gauss 1809, *Theoria Motus*."),
        ("What it is.", None),
    ],
)
def test_sources_are_found(prose: str, source: str | None) -> None:
    doc = docstrings.parse(f":math:`f(x)`\n\n{prose}\n\n:param a: A number.")
    assert doc.source == ([] if source is None else [source])
    assert doc.formula == ":math:`f(x)`" and doc.parameters == {"a": "A number."}
    assert doc.text
