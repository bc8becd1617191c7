"""Writes ``docs/reference``: a page for each family, and pages of transforms and constraints.

Run as ``python -m tools.write_reference [root]``; files that no page belongs to are removed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tools import reference_constraints, reference_families, reference_transforms
from tools.docstrings import Link, inline, table
from tools.reference_families import KINDS, Family, kind

_INTRODUCTION = """\
# Reference of the distributions

The classes of `pyro.distributions`, by what they are laws of. These pages are written by
`make reference`, from the docstrings and from what the instance in the example answers. See
[Distributions](../distributions.md) for what all of them have in common.

| other pages | |
| --- | --- |
| [Transforms](transforms.md) | maps with an inverse and a log-determinant |
| [Flows](flows.md) | transforms with learnable parameters |
| [Constraints](constraints.md) | the sets that values and parameters lie in |"""


def pages() -> dict[str, str]:
    """The text of each file of the reference."""
    families = reference_families.families()
    link = _links(families)
    result = {family.page: reference_families.page(family, link) for family in families}
    result |= reference_transforms.pages(link)
    result["constraints.md"] = reference_constraints.page()
    result["index.md"] = _index(families, link)
    return result


def _links(families: list[Family]) -> Link:
    """Where each class is described."""
    where = {family.name: family.page for family in families}
    for flows, page in ((False, "transforms.md"), (True, "flows.md")):
        for name, _ in reference_transforms.classes(flows):
            where.setdefault(name, f"{page}#{name.lower()}")
    return where.get


def _index(families: list[Family], link: Link) -> str:
    parts = [_INTRODUCTION]
    for heading in KINDS:
        rows = [
            (f"[{family.name}]({family.page})", inline(family.doc.summary, link))
            for family in families
            if kind(family) == heading
        ]
        if rows:
            parts += [f"## {heading}", table(("family", "what it is"), rows)]
    return "\n\n".join(parts) + "\n"


def main(root: Path) -> int:
    """Write all pages."""
    folder = root / "docs" / "reference"
    folder.mkdir(exist_ok=True)
    written = pages()
    for path in folder.glob("*.md"):
        if path.name not in written:
            path.unlink()
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
    print(f"reference: {len(written)} pages")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1]).resolve()))
