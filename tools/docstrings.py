"""Docstrings of the house, read into parts and written as Markdown.

Mathematics is written as code spans between dollar signs and as ``math`` blocks: the forms whose
underscores and backslashes a code host does not read as Markdown.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

Link = Callable[[str], str | None]

YEAR = r"\b(?:17|18|19|20)\d\d\b"
_FIELD = re.compile(r"^:(param|raises|returns?)(?: (?:\w+ )?([\w.]+))?: *", re.MULTILINE)
_ROLE = re.compile(r":(\w+):`([^`]*)`")
_LITERAL = re.compile(r"``(.+?)``", re.DOTALL)
_AUTHOR = rf"(?:See\s|[A-Z][^.;:()]*?\({YEAR}\)|[A-Z]\w+(?: et al\.)? {YEAR}, \*)"
_CITATION = re.compile(rf"(?:^|(?<=[.:;])\s+)(?={_AUTHOR}.*?{YEAR}|{_AUTHOR})", re.DOTALL)
_IN_BRACKETS = re.compile(rf"\(([A-Za-z][^()]*{YEAR}[^()]*)\)")
_FORMULA = re.compile(r"(?::math:`[^`]*`(?:[^:]{0,60}(?=:math:))?)+")
_LONGEST_REMARK = 40


@dataclass
class Docstring:
    """The parts of a docstring, in its own markup."""

    formula: str = ""
    text: list[str] = field(default_factory=list)
    source: list[str] = field(default_factory=list)
    parameters: dict[str, str] = field(default_factory=dict)
    raises: list[tuple[str, str]] = field(default_factory=list)
    example: str = ""

    @property
    def summary(self) -> str:
        """The first sentence that says what it is."""
        prose = [p for p in self.text if not p.startswith((".. math::", "```"))]
        return re.split(r"(?<=\.)\s", " ".join(prose[0].split()))[0].rstrip(".") if prose else ""


def parse(text: str) -> Docstring:
    """The parts of a docstring."""
    body, _, example = inspect.cleandoc(text).partition("\nExample::\n")
    prose, fields = _split_fields(body)
    result = Docstring(example=inspect.cleandoc(example))
    for kind, name, meaning in fields:
        if kind == "param":
            result.parameters[name] = meaning
        elif kind == "raises":
            result.raises.append((name, meaning))
    paragraphs = _paragraphs(prose)
    if paragraphs and paragraphs[0].startswith(":math:"):
        result.formula, rest = split_formula(paragraphs.pop(0))
        paragraphs[:0] = [rest] * bool(rest)
    for paragraph in paragraphs:
        if paragraph.startswith(".. math::") and not result.formula:
            result.formula = paragraph
        else:
            _place(paragraph, result)
    return result


def _paragraphs(prose: str) -> list[str]:
    """Paragraphs; what is indented after ``::`` becomes a block of code."""
    found: list[str] = []
    for raw in re.split(r"\n(?:[ \t]*\n)+", prose):
        if found and found[-1] == ".. math::":
            found[-1] += f" {raw.strip()}"
        elif raw.startswith("    ") and found and found[-1].endswith("::"):
            found[-1] = found[-1][:-1]
            found.append(f"```text\n{textwrap.dedent(raw).rstrip()}\n```")
        elif raw.strip():
            found.append(raw.strip())
    return found


def split_formula(paragraph: str) -> tuple[str, str]:
    """A leading formula with the few words that belong to it, and what is said after it."""
    match = _FORMULA.match(paragraph)
    assert match is not None
    rest = paragraph[match.end() :]
    if len(rest) <= _LONGEST_REMARK:
        return paragraph, ""
    rest = rest.lstrip(":,;. \n")
    return match[0], rest[:1].upper() + rest[1:]


def _split_fields(body: str) -> tuple[str, list[tuple[str, str, str]]]:
    """The prose, and kind, name and meaning of each field."""
    found = list(_FIELD.finditer(body))
    if not found:
        return body, []
    ends = [match.start() for match in found[1:]] + [len(body)]
    fields = [
        (match[1], match[2] or "", " ".join(body[match.end() : end].split()))
        for match, end in zip(found, ends, strict=True)
    ]
    return body[: found[0].start()], fields


def _place(paragraph: str, into: Docstring) -> None:
    """Sort one paragraph into text and source."""
    cited = next(
        (m for m in _CITATION.finditer(paragraph) if re.search(YEAR, paragraph[m.end() :])), None
    )
    if cited is None or paragraph.startswith((".. math::", "```")):
        into.text.append(paragraph)
        into.source += [f"{' '.join(c.split())}." for c in _IN_BRACKETS.findall(paragraph)]
        return
    if cited.start():
        into.text.append(paragraph[: cited.start()])
    into.source.append(paragraph[cited.end() :])


def inline(text: str, link: Link = lambda name: None) -> str:
    """Running text as Markdown; ``link`` gives the page of a class, if it has one."""

    def role(match: re.Match[str]) -> str:
        kind, content = match[1], " ".join(match[2].split())
        if kind == "math":
            return f"$`{content}`$"
        name = content.split(".")[-1] if content.startswith("~") else content
        page = link(name.split(".")[-1])
        return f"`{name}`" if page is None else f"[`{name}`]({page})"

    return " ".join(_LITERAL.sub(r"`\1`", _ROLE.sub(role, text)).split())


def display(formula: str) -> str:
    """A formula, ``:math:`` alone or with words around it, as a block."""
    if formula.startswith(".. math::"):
        content = formula.removeprefix(".. math::")
    else:
        parts = _ROLE.sub(lambda m: f"\0{m[2]}\0", formula).split("\0")
        content = "".join(part if i % 2 else _words(part) for i, part in enumerate(parts))
    return f"```math\n{' '.join(content.split())}\n```"


def _words(text: str) -> str:
    """Words within a formula."""
    words = text.split() if text.strip() != "." else []
    return rf"\text{{{' ' * text[0].isspace()}{' '.join(words)} }}" if words else ""


def paragraph(text: str, link: Link) -> str:
    """A paragraph of prose, a list, or a displayed formula."""
    if text.startswith(".. math::"):
        return display(text)
    if text.startswith("```"):
        return text
    if text.startswith("* "):
        items = re.split(r"^\* ", text, flags=re.MULTILINE)[1:]
        return "\n".join(f"* {inline(item, link)}" for item in items)
    return inline(text, link)


def table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A table; what is in its cells may hold vertical bars."""
    lines = [header, ("---",) * len(header), *rows]
    escaped = [[text.replace("|", r"\|") for text in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)
