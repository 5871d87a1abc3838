# Every target makes its own environment in .venv; nothing needs to be installed before but Python 3.11 or newer.
#   make demo     install, then run the demo: from nothing to an aligned chat model
#   make check    install, then lint, types and tests: what a change must pass
#   make zero     the tests of ZeRO alone, in an environment that has DeepSpeed; they are part of make check
#   make faults   kill 30 runs at random places and see that each ends as if nothing had happened (KILLS, SEED)
#   make newcomer every command of README.ko.md in a fresh clone of HEAD and an environment of its own (SKIP, MINUTES)

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= 2

# An exact torch version: a range may pull another, much larger build than the machine needs.
TORCH ?= torch==2.13.0

# Commands of the README that a hurried newcomer leaves out, as a regular expression; and the longest it may take.
SKIP ?=
MINUTES ?= 120

KILLS ?= 30
SEED ?= 1

.PHONY: demo check lint types test zero faults newcomer format clean

demo: $(VENV)/.runs
	$(BIN)/dajeong run demo

check: lint types test zero

lint: $(VENV)/.tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.tests
	$(BIN)/mypy

# One thread a worker: two workers with two threads each would fight for two cores.
test: $(VENV)/.tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS)

# DeepSpeed has an environment of its own, on top of the other: other packages load it where they find it. What it
# might compile lies there, too: in the cache that all share, a killed compiler's lock would stop the next run.
ZERO := $(VENV)/zero
zero: $(VENV)/.zero
	rm -rf $(ZERO)/extensions
	DAJEONG_ZERO=required TORCH_EXTENSIONS_DIR=$(abspath $(ZERO))/extensions OMP_NUM_THREADS=1 \
		$(ZERO)/bin/python -m pytest -m zero tests/training

faults: $(VENV)/.tests
	OMP_NUM_THREADS=1 PYTHONPATH=tests:tests/chain $(BIN)/python tests/faults/random_kills.py --kills $(KILLS) --seed $(SEED)

newcomer:
	$(PYTHON) tests/newcomer.py --torch '$(TORCH)' --minutes $(MINUTES) $(if $(SKIP),--skip '$(value SKIP)')

format: $(VENV)/.tests
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runs: pyproject.toml | $(VENV)/.made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.tests: $(VENV)/.runs
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

$(VENV)/.zero: $(VENV)/.tests
	rm -rf $(ZERO)
	$(PYTHON) -m venv $(ZERO)
	$(BIN)/python -c 'import site; print(site.getsitepackages()[0])' \
		> "$$($(ZERO)/bin/python -c 'import site; print(site.getsitepackages()[0])')/below.pth"
	$(ZERO)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[deepspeed]'
	@touch $@
