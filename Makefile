# Two commands do all the set-up:  make demo   and   make test
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DEMO   ?= geocn-demo

.PHONY: demo test lint check bench clean help

help:
	@echo "make demo    install into $(VENV), run the bundled project, say where the maps are"
	@echo "make test    install what the tests need (Chromium and PostGIS included) and run them all"
	@echo "make lint    ruff, mypy --strict, import floors"
	@echo "make bench   time and memory of the main jobs, beside their peers"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

# One stamp an extra: reinstalled only when the declared dependencies change.
$(VENV)/.stamp-demo: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.stamp-dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.stamp-demo

$(VENV)/.stamp-bench: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[benchmarks]'
	@touch $@

demo: $(VENV)/.stamp-demo
	$(BIN)/geocn demo --out $(DEMO)

test: $(VENV)/.stamp-dev
	@sh tools/need_chromium.sh
	@sh tools/need_postgis.sh
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.stamp-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test

bench: $(VENV)/.stamp-bench
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
