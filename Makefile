# Two commands for users: `make demo` and `make test`. Both set up .venv by themselves.
# Needed beforehand: git, make and Python 3.11 or newer with its venv module.

PYTHON_CANDIDATES := python3 python3.13 python3.12 python3.11 python3.14
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

# Small images gain nothing from more threads, and two pools of threads that wait for the
# same cores slow each other down many times over.
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help install demo test lint format docs clean

help:
	@echo "make demo    run on real digits and photographs; writes pictures to demo/"
	@echo "make test    lint, types and the whole test suite"
	@echo "make lint    lint and types only"
	@echo "make format  format the code"
	@echo "make docs    the documentation as web pages, with all examples run; build/docs"
	@echo "make clean   remove .venv and everything that was generated"

install: $(INSTALLED)

$(BIN)/python:
	@for candidate in $(PYTHON_CANDIDATES); do \
	  if $$candidate -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' \
	      >/dev/null 2>&1; then \
	    echo "Creating $(VENV) with $$($$candidate --version)"; \
	    $$candidate -m venv --clear $(VENV); exit $$?; \
	  fi; \
	done; \
	echo "No Python 3.11 or newer with the modules venv and ensurepip was found." >&2; \
	echo "Debian, Ubuntu: sudo apt-get install python3-venv" >&2; \
	echo "macOS:          brew install python@3.13" >&2; \
	exit 1

$(INSTALLED): pyproject.toml | $(BIN)/python
	@echo "Installing skmultigran and what it needs (some minutes the first time)"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[test]'
	@touch $@

demo: $(INSTALLED)
	@$(BIN)/python -m benchmarks demo --output demo

test: lint
	$(BIN)/python -m pytest --numprocesses 2

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

docs: $(INSTALLED)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[docs]'
	$(BIN)/python -m sphinx --fail-on-warning --keep-going -q docs build/docs
	@echo "Open build/docs/index.html"

clean:
	rm -rf docs/api docs/gallery docs/sg_execution_times.rst
	rm -rf $(VENV) demo build dist .mypy_cache .pytest_cache .ruff_cache *.egg-info
	find skmultigran benchmarks tests -name __pycache__ -type d -prune -exec rm -rf {} +
