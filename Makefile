# A few targets; each sets up what it needs. PYTHON chooses the interpreter that makes .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BENCH_READY := $(VENV)/.bench-ready

.PHONY: setup demo test check fix bench bench-full docs

setup: $(READY)  ## the virtual environment, with the pinned dependencies

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=$(CURDIR)/constraints.txt $(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(READY)  ## compares the built-in digits; says where the report is
	@$(BIN)/secondlook compare digits

test: $(READY)  ## the default tests (under 5 minutes)
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist worksteal

check: $(READY)  ## format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

fix: $(READY)  ## formats, and mends what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(BENCH_READY): $(READY)
	PIP_CONSTRAINT=$(CURDIR)/constraints.txt $(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev,bench]'
	@touch $@

bench: $(BENCH_READY)  ## training speed against Keras and PyTorch (under 15 minutes, on a quiet machine); needs SECONDLOOK_DATA
	$(BIN)/python -m bench

bench-full: $(BENCH_READY)  ## every record, accuracy over seeds among them: hours
	$(BIN)/python -m bench --full

docs: $(READY)  ## rewrites what the docs take from the program: options, models, the README's table and picture (Chromium)
	$(BIN)/python docs/generate.py --demo
