# Headway: 'make' lists what there is.
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup up test lint types bench soak locks clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*##/\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup:  ## everything 'make up' needs, into .venv
	@$(PYTHON) tools/setup.py run

up: setup  ## a site and a demo app on this machine (ARGS=--tour ends by itself)
	@$(BIN)/headway up $(ARGS)

test: ready  ## all tests, with branch coverage (ARGS= goes to pytest)
	@$(BIN)/pytest -n 2 --dist loadfile --cov --cov-context=test --cov-report= --own-coverage $(ARGS)

lint: checks  ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: checks  ## mypy, strict
	@$(BIN)/mypy

bench: peers  ## speed against named peers, as ratios in one run (ARGS= names some of them)
	@PYTHONPATH=tests $(BIN)/python -m bench $(ARGS)

soak: ready  ## the long runs in full size
	@$(BIN)/pytest -m soak $(ARGS)

locks: checks  ## resolve the Python locks anew, with hashes and without addresses
	@$(PYTHON) tools/locks.py $(ARGS)

clean:  ## remove what the above made
	@rm -rf .venv node_modules tests/e2e/*/node_modules src/headway/host/static/vendor build dist
	@rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .coverage.* .headway
	@find src tests tools bench -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

.PHONY: checks ready peers
checks:
	@$(PYTHON) tools/setup.py check
ready:
	@$(PYTHON) tools/setup.py test
peers:
	@$(PYTHON) tools/setup.py bench
