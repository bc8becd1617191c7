"""Functions of the library are compiled once, and are called from other modules."""

from itertools import count
from threading import Thread

import pytest
import torch

from pyro.compile.math import FUNCTIONS, Definition, LlvmBuilder, LlvmModule, emit, provide
from pyro.compile.math.library import object_file
from tests.compile.math.accuracy import grid
from tests.compile.math.native import Native, loop_ir

LGAMMA = FUNCTIONS["lgamma"]


def test_a_module_declares_what_it_needs() -> None:
    module = LlvmModule(library=True)
    b = LlvmBuilder([], 4, count(), module)
    emit(b, LGAMMA, emit(b, LGAMMA, "%x"))
    assert list(module.needs) == ["pyro_lgamma_v4"]
    assert "define" not in module.text()
    assert module.text().count("declare <4 x double> @pyro_lgamma_v4(<4 x double>)") == 1


@pytest.mark.parametrize("width", [1, 4])
def test_calls_reach_the_library(width: int) -> None:
    provide([Definition(LGAMMA, width, fused=True)])
    native = Native(loop_ir(LGAMMA, width, None, True, library=True), 1)
    x = grid(-5, 20, 64)
    out = torch.empty_like(x)
    native.run(64, x.data_ptr(), out.data_ptr())
    torch.testing.assert_close(out, x.lgamma())


def test_objects_are_kept() -> None:
    objects: dict[str, bytes] = {}
    definitions = [Definition(FUNCTIONS[name], 4, fused=True) for name in ("ndtr", "erfc")]
    first = [object_file(definition, objects) for definition in definitions]
    assert list(objects.values()) == first
    assert [object_file(definition, objects) for definition in definitions] == first
    objects = dict.fromkeys(objects, b"kept")
    assert [object_file(definition, objects) for definition in definitions] == [b"kept"] * 2


def test_threads_compile_once() -> None:
    objects: dict[str, bytes] = {}
    definition = Definition(FUNCTIONS["sin"], 2, fused=False)
    threads = [Thread(target=provide, args=([definition], objects)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(objects) == 1


def test_symbols_differ_where_code_does() -> None:
    symbols = {Definition(LGAMMA, w, fused=f).symbol for w in (1, 4) for f in (True, False)}
    assert len(symbols) == 4
