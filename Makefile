# Everything a person types. `make` alone lists it.
SHELL := /bin/sh
PY := .venv/bin/python
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help setup run paper check test format journey chaos bench bench-scout verify-books clean

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: ## Make .venv/, install the pinned packages, prepare database and static files
	@ops/setup.sh
	@$(PY) manage.py migrate --verbosity 0
	@$(PY) manage.py collectstatic --noinput --verbosity 0

run: ## Start the whole platform (sandbox by default); Ctrl-C stops it
	@ops/setup.sh
	@exec $(PY) manage.py platform --stop-with-parent $(ARGS)

paper: ## Trade on paper, with the sandbox as the real world; Ctrl-C stops it
	@ops/setup.sh
	@CHIMERA_MODE=paper PAPER_WORLD=sandbox exec $(PY) manage.py platform --stop-with-parent $(ARGS)

check: ## Formatting, lint, types, layers, system checks, missing migrations
	@ops/setup.sh
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy .
	.venv/bin/lint-imports --no-cache
	$(PY) manage.py check
	$(PY) manage.py makemigrations --check --dry-run

test: ## Run the tests on two processes, in random order (ARGS="tests/workers -x" for some of them)
	@ops/setup.sh
	.venv/bin/pytest -n 2 $(ARGS)

format: ## Format the code and repair what lint can repair
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

journey: ## Send signed signals through a platform of its own and follow each to its end
	@$(PY) manage.py journey $(ARGS)

chaos: ## Load, faults and kill -9 on a platform of its own, judged by the chain (SEED=1 MINUTES=2)
	@$(PY) manage.py chaos --seed $(or $(SEED),1) --minutes $(or $(MINUTES),2) $(ARGS)

bench: ## Measure the hot path under load on a platform of its own; writes var/bench.json
	@$(PY) manage.py bench $(ARGS)

bench-scout: ## Measure scoring of 1,000, 3,000 and 10,000 wallets × 1,000 trades
	@$(PY) manage.py bench_scout $(ARGS)

verify-books: ## Compare the books of the running platform with the chain, to the lamport
	@$(PY) manage.py verify_books $(ARGS)

clean: ## Remove data, caches and .venv/ (everything that is not in git)
	rm -rf var .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
