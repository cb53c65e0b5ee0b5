# Everything that a person does with a checkout. Needs make and a Python of 3.11 or later with venv; benchmarks need cc too.
#   make serve   a server on this machine, with what to do next     make test    lint, types, all tests, documentation
#   make bench   our figures beside those of others                 make docs    the documentation as HTML
#   make bench-p2p   the same of channels (root)                    make nat-lab who reaches whom through which NATs (root)
#   make fuzz    parsers against changed inputs                     make clean   takes away what these made
# The Python is the first of python3.13, python3.12, python3.11 and python3 that will do; PYTHON=/path/to/python chooses another.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install
PROJECT := setup.cfg pyproject.toml
SOURCES := $(shell find esframework twisted -name '*.py' -not -path '*/__pycache__/*' 2>/dev/null)

# One environment serves every target. A stamp says what is installed in it and is older than what it was made from.
MADE := $(VENV)/.made
PLAIN := $(VENV)/.installed-plain
EDITABLE := $(VENV)/.installed-editable
BENCHED := $(VENV)/.installed-bench

SERVE_ARGUMENTS ?=
PYTEST_ARGUMENTS ?=
BENCH_ARGUMENTS ?=
FUZZ_ARGUMENTS ?= --minutes 5

.PHONY: help serve test lint types unit docs bench bench-p2p nat-lab fuzz clean
.DELETE_ON_ERROR:

help:
	@sed -n '2,6s/^# *//p' Makefile

$(MADE):
	@suitable='import sys, venv, ensurepip, ssl, sqlite3; sys.exit(sys.version_info < (3, 11))'; \
	for candidate in $${PYTHON:-python3.13 python3.12 python3.11 python3}; do \
	    if "$$candidate" -c "$$suitable" 2>/dev/null; then chosen=$$candidate; break; fi; \
	done; \
	if [ -z "$$chosen" ]; then \
	    echo "No Python of 3.11 or later with venv was found (tried: $${PYTHON:-python3.13 python3.12 python3.11 python3})." >&2; \
	    echo "On Debian and Ubuntu: apt-get install python3-venv. Elsewhere: make PYTHON=/path/to/python3.11 ..." >&2; \
	    exit 1; \
	fi; \
	rm -rf $(VENV); \
	echo "Making $(VENV) with $$("$$chosen" --version)"; \
	"$$chosen" -m venv $(VENV)
	@touch $@

# A plain installation, for serving. The editable one, where it is already there, serves as well.
$(PLAIN): $(MADE) $(PROJECT) $(SOURCES)
	@if [ ! -e $(EDITABLE) ]; then \
	    echo "Installing esframework into $(VENV)"; \
	    rm -rf build; \
	    $(PIP) '.[terminal]'; \
	fi
	@touch $@

# compat: only so does Twisted find the plugins of an editable installation (see CONTRIBUTING.md).
$(EDITABLE): $(MADE) $(PROJECT)
	@echo "Installing esframework for development into $(VENV)"
	@$(PIP) --config-settings editable_mode=compat --editable '.[test,docs]'
	@touch $@

$(BENCHED): $(EDITABLE)
	@echo "Installing the peers of the benchmarks into $(VENV)"
	@$(PIP) --config-settings editable_mode=compat --editable '.[test,docs,bench]'
	@touch $@

serve: $(PLAIN)
	@printf '%s\n' \
	    '' \
	    'A server starts here; Ctrl-C ends it. In other terminals, in this folder:' \
	    '' \
	    '  1. make two accounts (each asks for a password):' \
	    '         $(BIN)/esframework user add alice' \
	    '         $(BIN)/esframework user add bob' \
	    '  2. chat, one terminal each:' \
	    '         $(BIN)/esframework chat alice@localhost:4530' \
	    '         $(BIN)/esframework chat bob@localhost:4530' \
	    '     and write, as alice:   bob: hello' \
	    '  3. or send a file:' \
	    '         $(BIN)/esframework receive bob@localhost:4530 --into inbox' \
	    '         $(BIN)/esframework send FILE bob --as alice@localhost:4530' \
	    ''
	@exec $(BIN)/twistd -n --pidfile= esframework $(SERVE_ARGUMENTS)

# The tests come last, so that their closing lines are the last thing to be read.
test: lint types docs unit

lint: $(EDITABLE)
	$(BIN)/ruff check .

types: $(EDITABLE)
	$(BIN)/mypy

unit: $(EDITABLE)
	$(BIN)/python -m pytest $(PYTEST_ARGUMENTS)

docs: $(EDITABLE)
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "The documentation is at docs/_build/html/index.html"

bench: $(BENCHED)
	$(BIN)/python -m benchmarks $(BENCH_ARGUMENTS)

bench-p2p: $(BENCHED)
	$(BIN)/python -m benchmarks.p2p $(BENCH_ARGUMENTS)

nat-lab: $(EDITABLE)
	$(BIN)/python -m tests.nat

fuzz: $(EDITABLE)
	$(BIN)/python -m tests.fuzz $(FUZZ_ARGUMENTS)

clean:
	rm -rf $(VENV) build esframework.egg-info docs/_build docs/reference/generated
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .tox .coverage htmlcov twisted/plugins/dropin.cache
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
