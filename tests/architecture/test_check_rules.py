"""Each house rule finds what breaks it, and leaves alone what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import check_rules
from tools.check_rules import Rule, SourceFile

INIT = "src/pyro/x/__init__.py"
MODULE = "src/pyro/x/y.py"

CASES: list[tuple[Rule, str, str, int]] = [
    (check_rules.init_has_no_logic, INIT, '"""Doc."""\nfrom a import b\n__all__ = ["b"]', 0),
    (check_rules.init_has_no_logic, INIT, "from a import b\nb()", 1),
    (check_rules.init_has_no_logic, INIT, "def f(): pass", 1),
    (check_rules.init_has_no_logic, INIT, "if True:\n    import a", 1),
    (check_rules.init_has_no_logic, INIT, "b = 1", 1),
    (check_rules.init_has_no_logic, INIT, "if TYPE_CHECKING:\n    from a import b", 0),
    (check_rules.init_has_no_logic, INIT, "if TYPE_CHECKING:\n    b = 1", 1),
    (check_rules.init_has_no_logic, INIT, "__getattr__, __dir__ = imports_on_first_use('x')", 0),
    (check_rules.init_has_no_logic, INIT, "__getattr__, __dir__ = other('x')", 1),
    (check_rules.init_has_no_logic, MODULE, "b = 1", 0),
    (check_rules.init_has_exports, INIT, "", 0),
    (check_rules.init_has_exports, INIT, '"""Doc."""', 0),
    (check_rules.init_has_exports, INIT, "from a import b\n__all__ = ['b']", 0),
    (check_rules.init_has_exports, INIT, "from a import b", 1),
    (check_rules.init_has_exports, INIT, "from a import b\n__all__ = ['b', 'b']", 1),
    (check_rules.init_has_exports, INIT, "from a import b\n__all__ = ['b', 'c']", 1),
    (check_rules.init_has_exports, INIT, "from a import b\n__all__ = names()", 1),
    (check_rules.init_has_exports, INIT, "import a.b as c\n__all__ = ['c']", 0),
    (
        check_rules.init_has_exports,
        INIT,
        "if TYPE_CHECKING:\n  from a import b\n__all__ = ['b']",
        0,
    ),
    (
        check_rules.init_has_exports,
        INIT,
        "if TYPE_CHECKING:\n  from a import b\n__all__ = ['c']",
        1,
    ),
    (check_rules.init_has_exports, MODULE, "from a import b", 0),
    (check_rules.torch_is_not_patched, MODULE, "import torch\ntorch.x = 1", 1),
    (check_rules.torch_is_not_patched, MODULE, "import torch\ntorch.nn.Linear.x = 1", 1),
    (check_rules.torch_is_not_patched, MODULE, "import torch as t\nt.x: int = 1", 1),
    (check_rules.torch_is_not_patched, MODULE, "import torch\ndel torch.x", 1),
    (check_rules.torch_is_not_patched, MODULE, "import torch\nsetattr(torch, 'x', 1)", 1),
    (check_rules.torch_is_not_patched, MODULE, "from torch import Tensor\nTensor.x = 1", 1),
    (check_rules.torch_is_not_patched, MODULE, "import torch.nn as nn\nnn.x, y = 1, 2", 1),
    (check_rules.torch_is_not_patched, MODULE, "import torch\ny = torch.x\nself.torch = y", 0),
    (check_rules.torch_is_not_patched, MODULE, "torch.x = 1", 0),
    (check_rules.facade_is_not_bound, MODULE, "import pyro", 1),
    (check_rules.facade_is_not_bound, MODULE, "import pyro as p", 1),
    (check_rules.facade_is_not_bound, MODULE, "import pyro.runtime", 1),
    (check_rules.facade_is_not_bound, MODULE, "def f():\n    import pyro", 1),
    (check_rules.facade_is_not_bound, MODULE, "from . import a", 1),
    (check_rules.facade_is_not_bound, MODULE, "import pyro.runtime as runtime", 0),
    (check_rules.facade_is_not_bound, MODULE, "from pyro.runtime import effectful", 0),
    (check_rules.facade_is_not_bound, MODULE, "import pyrolysis", 0),
    (check_rules.nothing_is_left_unfinished, MODULE, "x = 1  # TODO", 1),
    (check_rules.nothing_is_left_unfinished, MODULE, '"""FIXME: later"""', 1),
    (check_rules.nothing_is_left_unfinished, MODULE, "TODOS = 1", 0),
]


@pytest.mark.parametrize(("rule", "name", "text", "broken"), CASES)
def test_rule(rule: Rule, name: str, text: str, broken: int) -> None:
    assert len(list(rule(SourceFile.parse(text, name)))) == broken


def test_every_rule_is_tested_to_fail_and_to_pass() -> None:
    for rule in check_rules.RULES:
        outcomes = {broken for tested, _, _, broken in CASES if tested is rule}
        assert {0, 1} <= outcomes, rule.__name__


def test_main_lists_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package = tmp_path / "src" / "pyro"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "a.py").write_text("import torch\n\ntorch.x = 1\n")
    assert check_rules.main(tmp_path) == 1
    assert capsys.readouterr().out == "src/pyro/a.py:3: a name of torch is replaced: torch.x\n"
    (package / "a.py").write_text("import torch\n")
    assert check_rules.main(tmp_path) == 0
    (package / "__init__.py").unlink()
    assert check_rules.main(tmp_path) == 1
    assert "src/pyro: no __init__.py" in capsys.readouterr().out
