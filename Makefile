# One entry for everything: `make` lists what there is, and every target prepares the environment by itself.
# A fresh machine needs Python 3.11 or newer, make, and access to the package registries.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Where Python is told to write no bytecode, as in many containers, each process would compile all of this anew.
COMPILE := $(BIN)/python -m compileall -q deployments evidence_store flows suites tasks tests

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# -- use --------------------------------------------------------------------------------------------------------------

.PHONY: demo
demo: $(READY) ## Validate a staging site with known faults, end to end, on this machine
	$(BIN)/stageproof demo

.PHONY: up
up: $(READY) ## Start the local stack: S3 server, Prefect server, worker
	$(BIN)/stageproof up

.PHONY: down
down: $(READY) ## Stop the local stack (its data is kept)
	$(BIN)/stageproof down

# -- develop ----------------------------------------------------------------------------------------------------------

# Each process of the tests has servers and browsers of its own: more of them need memory more than they need cores.
SIDE_BY_SIDE := -n logical --maxprocesses 4

.PHONY: check
check: lint ## Format, lint, types, import rules and the pure tests: under a minute
	$(BIN)/python -m pytest -q $(SIDE_BY_SIDE) -m "not real" --hypothesis-profile=quick

.PHONY: test
test: $(READY) ## Every test, with real browser, S3 server, Prefect server and staging site
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) --dist loadfile

.PHONY: lint
lint: $(READY) ## Format, lint, types and import rules alone
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: bench
bench: $(READY) ## Measure each part beside comparable tools
	@$(COMPILE)
	$(BIN)/python -m tests.bench

.PHONY: lock
lock: $(READY) ## Resolve requirements.in anew into requirements.lock (hashes, no index named)
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-annotate --no-header requirements.in -o requirements.lock

.PHONY: docs
docs: $(READY) ## Write docs/checks.md anew from the code
	$(BIN)/python -c 'from pathlib import Path; from tasks.catalogue import all_as_markdown; \
	  Path("docs/checks.md").write_text(all_as_markdown(), encoding="utf-8")'

.PHONY: clean
clean: ## Stop the local stack, delete the environment, caches and local data
	@if [ -x $(BIN)/python ] && [ -d .stageproof/stack ]; then \
	  $(BIN)/python -c "from deployments.local_stack import down; down()"; fi
	rm -rf $(VENV) .stageproof build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.*
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

# -- the environment, made when it is missing or older than the lock ---------------------------------------------------

.PHONY: setup
setup: $(READY) ## Prepare the environment and a browser (every other target does this when needed)

# Chosen when needed, so that `make help` starts nothing: the first of these that is new enough.
define find_python
for candidate in "$${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 python; do \
  if [ -n "$$candidate" ] && "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
  then echo "$$candidate"; exit 0; fi; \
done; \
echo "stageproof needs Python 3.11 or newer: install it, or name it with 'make PYTHON=/path/to/python'" >&2; exit 1
endef

$(READY): requirements.lock pyproject.toml
	@rm -f $@
	@python=$$($(find_python)); \
	$$python -c 'import ensurepip' 2>/dev/null || { \
	  echo "$$python cannot create environments (no ensurepip): install its venv package (Debian: apt-get install python3-venv)" >&2; \
	  exit 1; }; \
	echo "setup 1/4  environment: $$($$python --version) in $(VENV)"; \
	$$python -m venv --clear $(VENV)
	@uv=$$(sed -n 's/^uv==\([^ ]*\).*/\1/p' requirements.lock); \
	echo "setup 2/4  packages: uv $$uv installs requirements.lock, every file checked against its hash"; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==$$uv"
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements.lock
	@echo "setup 3/4  stageproof itself, editable"
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation -e .
	@$(COMPILE)
	@echo "setup 4/4  browser: looking for a Chromium that starts"
	@browser=$$($(BIN)/python -m deployments.toolchain chromium); echo "           $$browser"
	@touch $@
