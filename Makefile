# Every target does all the set-up it needs: only Python 3.11, a C++ compiler and a package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
RUN_STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
CODE := $(wildcard src tools tests examples benchmarks)
NATIVE := native/CMakeLists.txt $(wildcard native/*.cpp native/*.hpp)
WORKERS ?= 2

.PHONY: help quickstart test test-slow native format reference bench clean
.PHONY: check check-format check-lint check-sizes check-rules check-imports check-types

help:
	@echo "make quickstart   fit two models on real data, print tables, save pictures"
	@echo "make test         all checks and all tests but the slow ones"
	@echo "make test-slow    the slow tests"
	@echo "make check        format, lint, types, import contracts, size limits (-k: go on after a failure)"
	@echo "make native       build the C++ samplers again, beside their Python files"
	@echo "make format       format and mend what can be mended automatically"
	@echo "make reference    write docs/reference from the docstrings"
	@echo "make bench        measure speed"
	@echo "make clean        remove the environment, caches and outputs"

quickstart: $(RUN_STAMP)
	$(BIN)/python examples/quickstart.py

test: check
	$(BIN)/python -m pytest -q -n $(WORKERS)

test-slow: $(DEV_STAMP)
	$(BIN)/python -m pytest -q -n $(WORKERS) -m slow

check: check-format check-lint check-sizes check-rules check-imports check-types

native: | $(BIN)/python
	$(PIP_INSTALL) --no-deps -e .

check-format: $(DEV_STAMP)
	$(BIN)/ruff format --check --quiet $(CODE)

check-lint: $(DEV_STAMP)
	$(BIN)/ruff check --quiet $(CODE)

check-sizes: $(DEV_STAMP)
	$(BIN)/python tools/check_sizes.py

check-rules: $(DEV_STAMP)
	$(BIN)/python tools/check_rules.py

check-imports: $(DEV_STAMP)
	$(BIN)/lint-imports --no-logo

check-types: $(DEV_STAMP)
	$(BIN)/mypy

format: $(DEV_STAMP)
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

reference: $(DEV_STAMP)
	$(BIN)/python -m tools.write_reference

bench: $(RUN_STAMP)
	$(BIN)/python benchmarks/run.py

clean:
	rm -rf $(VENV) .venv-bench-* src/pyro/native/*.so native/CMakeFiles native/CMakeCache.txt .cache .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build dist
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "Python 3.11 or newer is needed"'
	$(PYTHON) -m venv $(VENV)

$(RUN_STAMP): pyproject.toml constraints.txt $(NATIVE) | $(BIN)/python
	$(PIP_INSTALL) -e '.[examples]'
	touch $@

$(DEV_STAMP): pyproject.toml constraints.txt $(NATIVE) | $(BIN)/python
	$(PIP_INSTALL) -e '.[dev,examples]'
	touch $@ $(RUN_STAMP)
