# Two commands for a newcomer: `make demo` and `make test`. Each sets up what it needs in .venv first.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready
SLOW = .venv-slow
PEERS = .venv-peers

NODE = js/node_modules/.ready

.PHONY: help demo lab test test-live test-slow check wheel torture bench bench-peers bench-table shots docs js lock clean

help:
	@echo "make demo    see it work: real kernel, real engine, toy models, no key"
	@echo "make lab     the notebooks in JupyterLab, connected to the toy models"
	@echo "make test    the tests"
	@echo "make test-slow  the official SDK, the Claude Agent SDK and Dask's workers against llama.cpp: 500 MB are installed first"
	@echo "make test-live  each provider whose key is in the environment, and an Ollama that runs here; costs a few cents"
	@echo "make check   format, lint, types, import rules, dependencies"
	@echo "make wheel   sdist and wheel, the wheel in empty environments: each Python, lowest and newest dependencies"
	@echo "make torture saved files, streams and hostile replies under all that can happen: each figure with its goal; an hour"
	@echo "make shots   pictures of what a person sees, into shots/"
	@echo "make docs    these pages and the notebooks, as HTML with what they show, into build/docs/"
	@echo "make js      the widgets anew from js/"
	@echo "make bench   loading, first text, painting, interrupts: each figure with its goal"
	@echo "make bench-peers  what others need for the same work, beside us: 500 MB are installed first"
	@echo "make bench-table  the table of README.md anew from what was measured"
	@echo "make lock    constraints.txt anew from pyproject.toml"

demo: $(READY)
	$(BIN)/python notebooks/play.py notebooks/01_first_answer.ipynb
	XIANTONG_DEMO_PACE=100 $(BIN)/python notebooks/play.py notebooks/03_compare.ipynb

lab: $(READY)
	XIANTONG_DEMO_PACE=80 $(BIN)/jupyter lab --notebook-dir=notebooks

test: $(READY) $(VENV)/.tools $(NODE)
	@if [ -e $(NODE) ]; then npm --prefix js --silent test; fi
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-slow: $(READY) $(SLOW)/.ready
	XIANTONG_SLOW_PYTHON=$(SLOW)/bin/python $(BIN)/python -m pytest tests/slow

test-live: $(READY)
	XIANTONG_LIVE=1 $(BIN)/python -m pytest tests/live -p no:randomly

check: $(READY) $(VENV)/.tools $(NODE)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports
	$(BIN)/deptry .
	@if [ -e $(NODE) ]; then npm --prefix js --silent run check && .ci/built; fi

wheel: $(READY)
	$(BIN)/python -m tests.wheels

shots: $(READY) $(VENV)/.tools
	XIANTONG_SHOTS=1 $(BIN)/python -m pytest tests/browser
	@ls shots

docs: $(READY)
	$(BIN)/python -m docs.render build/docs

js: $(NODE)
	npm --prefix js --silent run build

torture: $(READY)
	$(BIN)/python -m tests.torture

bench: $(READY)
	$(BIN)/python -m benchmarks

bench-peers: $(READY) $(PEERS)/.ready
	$(BIN)/python -m benchmarks.peers $(PEERS)/bin/python

bench-table: $(READY)
	$(BIN)/python -m benchmarks.table

lock: $(READY)
	$(BIN)/uv pip compile pyproject.toml --all-extras --group test --group check --group lab --group build \
		--universal --python-version 3.11 --generate-hashes --upgrade --quiet \
		--no-emit-index-url --no-emit-find-links --no-annotate --no-header -o constraints.txt

	$(BIN)/uv pip compile pyproject.toml --group slow \
		--universal --python-version 3.11 --generate-hashes --upgrade --quiet \
		--no-emit-index-url --no-emit-find-links --no-annotate --no-header -o constraints-slow.txt

	$(BIN)/uv pip compile --group pyproject.toml:peers \
		--universal --python-version 3.11 --generate-hashes --upgrade --quiet \
		--no-emit-index-url --no-emit-find-links --no-annotate --no-header -o constraints-peers.txt

clean:
	rm -rf $(VENV) $(SLOW) $(PEERS) js/node_modules shots build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# Exact versions with hashes, then this package itself from the tree, without asking a registry for anything.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "Python's venv module is missing: apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

$(VENV)/.tools: $(READY) .ci/tools
	.ci/tools
	@touch $@

# Without Node the widgets can't be built or tested; what is built of them is kept in git, so nothing else needs it.
$(NODE): $(VENV)/.tools js/package-lock.json
	@if command -v npm >/dev/null; then npm --prefix js ci --silent && touch $@; fi

$(SLOW)/.ready: constraints-slow.txt
	$(PYTHON) -m venv $(SLOW)
	$(SLOW)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints-slow.txt
	@touch $@

# By uv: these packages ask for each other's versions in ways that take pip minutes to go through.
$(PEERS)/.ready: $(READY) constraints-peers.txt
	$(PYTHON) -m venv $(PEERS)
	$(BIN)/uv pip install --quiet --python $(PEERS)/bin/python --require-hashes -r constraints-peers.txt
	@touch $@
