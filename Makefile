# Everything starts here, on a new machine too: Python 3.11 or newer, git and make are enough.
# Each target sets .venv up first; if .venv is right already, that takes a tenth of a second.

# The first Python that is new enough; `make PYTHON=/path/to/python` chooses another one.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		&& echo $$python && exit; done; echo python3)
BIN := .venv/bin

# Python keeps what it compiles, even where images switch that off: else each of pytest's processes
# and each server compiles the whole of its libraries again.
export PYTHONDONTWRITEBYTECODE :=

# The set-up prints to stderr and reads nothing: stdin and stdout belong to the program.
SET_UP = $(PYTHON) -I .ci/bootstrap.py
# By their modules: a script in .venv/bin can't name its Python in a folder with a `$` in its name.
PYTEST = $(BIN)/python -P -m pytest -n auto --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help run quick test cover live check pictures bench format lock clean

help:  ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' $(MAKEFILE_LIST)

run:  ## Start the bot, on the platforms that .env has tokens for, or in this terminal; EXTRAS=postgres adds a driver
	@$(SET_UP) run </dev/null && exec $(BIN)/python -P -m bots run

quick:  ## Run the unit tests, and the contract tests on the in-memory store, in under a minute
	@$(SET_UP) dev </dev/null && \
		exec env HYPOTHESIS_PROFILE=quick $(PYTEST) -q -m "not slow" tests/unit tests/contract $(ARGS)

test:  ## Run all tests on real servers; ARGS="-k words" selects some
	@$(SET_UP) dev </dev/null && exec $(PYTEST) $(ARGS)

cover:  ## Run the unit, contract and property tests, and fail if they cover too little of core
	@$(SET_UP) dev </dev/null
	rm -f .coverage*
	$(BIN)/coverage run -m pytest -q -n auto --dist worksteal tests/unit tests/contract tests/properties
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --include="core/*"

live:  ## Probe a real platform for what the bot relies on: CHANNEL=id, ARGS="--rate-limits"
	@$(SET_UP) dev </dev/null && exec $(BIN)/python -m tests.live $(CHANNEL) $(ARGS)

check:  ## Check locks, formatting, style, types and imports, without running anything
	@$(SET_UP) dev </dev/null
	$(BIN)/python .ci/locks.py check
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format:  ## Format the code, and fix what ruff can fix
	@$(SET_UP) dev </dev/null
	$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

lock:  ## Update the lock files after a change of pyproject.toml; ARGS=--upgrade upgrades all packages
	@$(SET_UP) dev </dev/null
	$(BIN)/python .ci/locks.py write $(ARGS)

bench:  ## Measure the stores, and how fast one replica takes over from another
	@$(SET_UP) dev </dev/null
	$(BIN)/python -m tests.benchmarks.store
	$(BIN)/python -m tests.benchmarks.handover

pictures:  ## Draw the pictures in docs from what the program prints and posts
	@$(SET_UP) dev </dev/null
	$(BIN)/python -m tests.pictures

clean:  ## Remove .venv, caches and coverage data
	rm -rf .venv .*_cache .hypothesis .coverage*
	find bots core tests -name __pycache__ -prune -exec rm -rf {} +
