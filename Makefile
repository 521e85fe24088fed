# Everything starts here, on a fresh machine too: Python 3.11+, git and make are enough.
# `make run` and `make test` set up .venv first; when it is right already, that takes no time.

# The first Python that is new enough; `make PYTHON=/path/to/python` chooses another.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		&& echo $$python && exit; done; echo python3)
BIN := .venv/bin

# What is set up says so on stderr and reads nothing: stdin and stdout belong to the program.
SET_UP = $(PYTHON) -I .ci/bootstrap.py

.DEFAULT_GOAL := help
.PHONY: help run test live check pictures bench format lock clean

help:  ## Say what there is
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' $(MAKEFILE_LIST)

run:  ## Start the bot: where its tokens say, else in this terminal; EXTRAS=postgres adds a driver
	@$(SET_UP) run </dev/null && exec $(BIN)/chatbot run

test:  ## Run the whole suite on real servers; ARGS="-k words" for a part of it
	@$(SET_UP) dev </dev/null && exec $(BIN)/pytest -n auto --dist worksteal $(ARGS)

live:  ## Try out on the real platform what the bot relies on: CHANNEL=id, ARGS="--rate-limits"
	@$(SET_UP) dev </dev/null && exec $(BIN)/python -m tests.live $(CHANNEL) $(ARGS)

check:  ## Look for faults without running anything: locks, style, types, layers
	@$(SET_UP) dev </dev/null
	$(BIN)/python .ci/locks.py check
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

pictures:  ## Make the pictures in docs from what the program really prints and posts
	@$(SET_UP) dev </dev/null
	$(BIN)/python -m tests.pictures

bench:  ## Measure the stores, and how fast a replica takes over
	@$(SET_UP) dev </dev/null
	$(BIN)/python -m tests.benchmarks.store
	$(BIN)/python -m tests.benchmarks.handover

format:  ## Put the code into its one form
	@$(SET_UP) dev </dev/null
	$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

lock:  ## Lock the dependencies of pyproject.toml anew; ARGS=--upgrade to move them all
	@$(SET_UP) dev </dev/null
	$(BIN)/python .ci/locks.py write $(ARGS)

clean:  ## Remove what the others made
	rm -rf .venv .*_cache .hypothesis .coverage*
	find bots core tests -name __pycache__ -prune -exec rm -rf {} +
