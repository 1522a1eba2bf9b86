# Everything starts here. A fresh clone needs python3.11 (or a newer python3), pip, make and cc; no server, no container.
# Set-up lives in .venv and is done once: a stamp is written only after a step succeeded, and a step is redone
# when its lock file changes. `make` alone lists the targets.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: demo test check lint browser spark serve bench soak lock clean help

BIN := .venv/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check --no-input
CANDIDATES := $(PYTHON) python3.11 python3
# Is this an interpreter that can make the environment?
FIT := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))

demo: .venv/.stamp-run ## from nothing to an invented company, a sealed ledger and a screened campaign (ARGS=…)
	@$(BIN)/amana demo $(ARGS)

test: lint browser spark ## what the build runs: lint, types, layers and the whole test suite
	@$(BIN)/pytest -n 2 $(ARGS)

check: lint ## the quick round while working: as test, without the slow tests
	@$(BIN)/pytest -m "not slow" $(ARGS)

lint: .venv/.stamp-dev
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy --no-error-summary
	@report=$$($(BIN)/lint-imports --no-logo 2>&1) || { echo "$$report"; exit 1; }
	@echo "Lint, format, types and layers hold."

browser: # where we are root on Debian, a browser, fonts, a database and mail programs are installed; elsewhere it says what is missing
	@tests/browser.sh
	@tests/senders.sh

spark: .venv/.stamp-dev # where Java is present, Spark is installed and its engine tested; elsewhere those tests skip and say so
	@if [ -n "$$JAVA_HOME" ] || command -v java >/dev/null; then $(MAKE) --no-print-directory .venv/.stamp-spark; fi

serve: .venv/.stamp-run ## start the server on the demo's workspace (WORKSPACE=folder for another)
	@folder=$(or $(WORKSPACE),demo); if [ ! -f "$$folder/amana.toml" ]; then \
	echo "There is no workspace in $$folder: run 'make demo' first, or name one with WORKSPACE=folder." >&2; exit 1; fi; \
	$(BIN)/amana --workspace "$$folder" serve $(ARGS)

bench: .venv/.stamp-dev ## measure the promises of speed (SIZE=…)
	@$(BIN)/python benchmarks/run.py $(if $(SIZE),--size $(SIZE)) $(ARGS)

soak: .venv/.stamp-dev ## the whole suite with long crash and differential runs
	@AMANA_SOAK=1 $(BIN)/pytest $(ARGS)

lock: ## resolve requirements/*.in again (needs uv; UPGRADE=1 takes newer versions)
	@command -v uv >/dev/null || { echo "make lock needs uv on the PATH." >&2; exit 1; }
	@cd requirements && for name in run dev spark; do \
	uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
	--python-version 3.11 $(if $(UPGRADE),--upgrade) $$name.in --output-file $$name.lock || exit 1; done
	@echo "Wrote the locks of requirements/: run, dev and spark."

clean: ## remove all that make made: the environment, caches, builds and the demo's data
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist demo
	@find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-7s %s\n", $$1, $$2}' Makefile

.venv/.stamp-venv:
	@python=; for candidate in $(CANDIDATES); do \
	if $$candidate -c '$(FIT)' >/dev/null 2>&1; then python=$$candidate; break; fi; done; \
	if [ -z "$$python" ]; then \
	echo "Amana needs Python 3.11 or newer with venv and ensurepip; none of: $(CANDIDATES)." >&2; \
	echo "Install one (Debian, Ubuntu: python3.11 and python3.11-venv) or name it: make PYTHON=/path/to/python3.11" >&2; \
	exit 1; fi; \
	if $(BIN)/python -m pip --version >/dev/null 2>&1 && $(BIN)/python -c '$(FIT)' >/dev/null 2>&1; then :; \
	else echo "Making .venv with $$python"; $$python -m venv --clear .venv || exit 1; fi; \
	touch $@

.venv/.stamp-run: .venv/.stamp-venv requirements/run.lock pyproject.toml
	@echo "Installing Amana and what it needs into .venv (once)"
	@rm -f $@
	@$(PIP) install --require-hashes -r requirements/run.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

.venv/.stamp-dev: .venv/.stamp-run requirements/dev.lock
	@echo "Installing the tools for tests and checks into .venv (once)"
	@rm -f $@
	@$(PIP) install --require-hashes -r requirements/dev.lock
	@touch $@

.venv/.stamp-spark: .venv/.stamp-dev requirements/spark.lock
	@echo "Installing Spark into .venv (once): there is Java here"
	@rm -f $@
	@$(PIP) install --require-hashes -r requirements/spark.lock
	@touch $@
