"""Special functions in a form that becomes vector code."""

from pyro.compile.math.builder import ScalarBuilder
from pyro.compile.math.calls import emit
from pyro.compile.math.definition import Definition
from pyro.compile.math.function import Function
from pyro.compile.math.functions import FUNCTIONS
from pyro.compile.math.integer_power import integer_power
from pyro.compile.math.library import provide
from pyro.compile.math.llvm_builder import LlvmBuilder
from pyro.compile.math.llvm_module import LlvmModule
from pyro.compile.math.polygamma import polygamma
from pyro.compile.math.torch_builder import TorchBuilder

__all__ = [
    "FUNCTIONS",
    "Definition",
    "Function",
    "LlvmBuilder",
    "LlvmModule",
    "ScalarBuilder",
    "TorchBuilder",
    "emit",
    "integer_power",
    "polygamma",
    "provide",
]
