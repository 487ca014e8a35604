# Everything a fresh machine needs: Python 3.11 or newer. `make` lists what there is.

PYTHON ?= python3
BIN    := .venv/bin
READY  := .venv/.ready
UV     ?= $(firstword $(wildcard $(BIN)/uv) uv)
LOCK   := pip compile --quiet --universal --python-version 3.11 --generate-hashes \
          --no-header --no-emit-index-url --no-emit-find-links pyproject.toml
ARGS   ?=
TESTS  ?=

.DEFAULT_GOAL := help
.PHONY: help demo run test check bench prove mails lock clean distclean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## a simulated shop's year through the whole service, with console and mails
	@$(BIN)/evergreen demo $(ARGS)

run: $(READY) ## the whole service on this machine, for `stripe listen --forward-to`
	@$(BIN)/evergreen run $(ARGS)

test: $(READY) ## the tests, on real embedded servers (TESTS=tests/local for some of them)
	@$(BIN)/pytest -n 2 --dist worksteal -m "not prove" $(ARGS) $(TESTS)

check: $(READY) ## style, types, the law of imports and the rules of the house
	@$(BIN)/ruff check --quiet --no-cache .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pytest -q --no-header tests/test_house.py

bench: $(READY) ## the benchmarks
	@$(BIN)/python -m benchmarks $(ARGS)

prove: $(READY) ## the long proofs; prints the seeds that repeat them
	@$(BIN)/pytest -m prove -s $(ARGS) $(TESTS)

mails: $(READY) ## pictures of all mails in docs/mails (needs Chromium)
	@BRAND_NAME="Garden Box" POSTAL_ADDRESS="1 Rose Lane, London" MAIL_FROM="billing@garden.example" \
	  PUBLIC_URL=https://billing.garden.example SHOP_URL=https://garden.example \
	  $(BIN)/evergreen mail sheet --out docs/mails $(ARGS)

lock: ## compile pyproject.toml into both requirements files, with hashes
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: install it, or name it with UV=" >&2; exit 1; }
	@$(UV) $(LOCK) --output-file requirements.txt
	@$(UV) $(LOCK) --extra dev --output-file requirements-dev.txt

clean: ## stop and remove this checkout's local servers and their data
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m app.local.clean; fi

distclean: clean ## the same, and remove .venv
	@rm -rf .venv

# Made again when the locked dependencies change.
$(READY): requirements-dev.txt
	@command -v $(PYTHON) >/dev/null && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Evergreen needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "setting up .venv (a minute or two, once)"
	@$(PYTHON) -m venv .venv \
	  || { echo "$(PYTHON) cannot make a virtual environment; Debian and Ubuntu have it in python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@
