# Every target sets up what it needs: a virtual environment in .venv, from the hashed lock.
# The lock names versions and hashes and no index, so any registry that pip is set up for will do.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCH := .venv-bench
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
LOCK := -q --universal --python-version 3.11 --no-emit-index-url --generate-hashes --no-header
UPSTREAM ?= ../shared/upstream/realtime.openapi.json
SECONDS ?= 60

.DEFAULT_GOAL := help
.PHONY: help demo test test-peers failover test-package coverage gates fuzz audit regenerate check-generated drift bench bench-check docs soak lint types lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

# The lock is complete, so nothing is resolved anew (--no-deps): a peer that the tests talk to may
# ask for an older socket library than ours (see requirements/overrides.txt).
$(VENV)/.run: requirements/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Voxwire needs Python 3.11 or newer; name one with make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --no-deps --require-hashes -r requirements/run.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	@$(PIP) install --no-deps --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/.docs: requirements/docs.txt $(VENV)/.run
	@$(PIP) install --no-deps --require-hashes -r requirements/docs.txt
	@touch $@

$(VENV)/.package: requirements/package.txt $(VENV)/.dev
	@$(PIP) install --no-deps --require-hashes -r requirements/package.txt
	@touch $@

# What Voxwire is compared with asks for other versions than the tests do: an environment of its own.
$(BENCH)/.installed: requirements/run.txt benchmarks/requirements.txt pyproject.toml
	@test -x $(BENCH)/bin/python || $(PYTHON) -m venv $(BENCH)
	@$(BENCH)/bin/python -m pip --disable-pip-version-check -q install --no-deps --require-hashes \
	  -r requirements/run.txt -r benchmarks/requirements.txt
	@$(BENCH)/bin/python -m pip --disable-pip-version-check -q install --no-deps \
	  --no-build-isolation -e .
	@touch $@

demo: $(VENV)/.run  ## play a conversation through a real socket; leaves out/
	@$(BIN)/python examples/demo.py

test: $(VENV)/.dev  ## lint, types and tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache --no-logo >/dev/null || $(BIN)/lint-imports --no-cache
	@$(BIN)/mypy
	@$(BIN)/pyright --warnings
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal $(if $(COVERAGE),--cov --cov-context=test --cov-report=)

# By package, and by the tests that mirror it; COVERAGE=1 leaves the data of the tests.
coverage: $(VENV)/.dev  ## run the tests, and hold each package's coverage at its floor
	@test -n "$(CI)" -a -f .coverage || $(MAKE) -s test COVERAGE=1
	@$(BIN)/python .ci/coverage_floor.py

gates: $(VENV)/.dev  ## how much of the public types is known
	@$(BIN)/python .ci/type_completeness.py

# In environments of their own; what cannot be installed here is skipped, with the reason.
test-peers: $(VENV)/.dev  ## hold conversations with other people's clients and servers
	@$(BIN)/python -m pytest -rs peers

# Needs redis-server.
failover: $(VENV)/.dev  ## hold 200 conversations on workers that are killed, over Redis
	@cd tests && ../$(BIN)/python -m failover

# In empty environments, from whatever registry pip is set up for.
test-package: $(VENV)/.package  ## build wheel and sdist, and try what people install
	@$(BIN)/python -m pytest distribution

# What breaks is made small and left in tests/fuzz/findings, where the tests play it from then on.
fuzz: $(VENV)/.dev  ## try hostile frames for SECONDS=60
	@PYTHONPATH=tests $(BIN)/python -m fuzz --seconds $(SECONDS)

# Says so where the advisories cannot be reached; what is found fails.
audit: $(VENV)/.dev  ## hashes for every pin, and no known vulnerability among them
	@$(BIN)/python .ci/audit.py requirements/run.txt requirements/dev.txt requirements/package.txt \
	  requirements/docs.txt --pins-only peers/requirements.txt --pins-only peers/models-left-out.txt

regenerate: $(VENV)/.dev  ## specs/ -> generated/
	@$(BIN)/python -m codegen generate

check-generated: $(VENV)/.dev  ## fail if generated/ is not what specs/ gives
	@$(BIN)/python -m codegen check

drift: $(VENV)/.dev  ## compare UPSTREAM=file with specs/
	@$(BIN)/python -m codegen drift --upstream $(UPSTREAM)

bench: $(BENCH)/.installed  ## measure all beside the alternatives (QUICK=1: under a minute)
	@$(BENCH)/bin/python -m benchmarks $(if $(QUICK),--quick)

bench-check: $(BENCH)/.installed  ## fail if a quick run falls behind the committed ratios
	@$(BENCH)/bin/python -m benchmarks --quick --check

soak: $(VENV)/.dev  ## break the connections of many sessions, and count what is lost
	@$(BIN)/python -m benchmarks.soak

docs: $(VENV)/.docs  ## build the documentation into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build -q -f docs/mkdocs/mkdocs.yml
	@echo "site/index.html"

lock:  ## renew the lock files (needs uv and npm)
	uv pip compile $(LOCK) --overrides requirements/overrides.txt --extra cli --group dev -o requirements/dev.txt pyproject.toml
	uv pip compile $(LOCK) --extra cli --group build -c requirements/dev.txt -o requirements/run.txt pyproject.toml
	uv pip compile $(LOCK) --group package -c requirements/dev.txt -o requirements/package.txt pyproject.toml
	uv pip compile $(LOCK) --group docs -c requirements/dev.txt -o requirements/docs.txt pyproject.toml
	uv pip compile $(LOCK) --overrides requirements/overrides.txt -c requirements/run.txt -o benchmarks/requirements.txt benchmarks/requirements.in
	uv pip compile $(LOCK) --overrides peers/overrides.txt -o peers/requirements.txt peers/requirements.in
	uv pip compile $(LOCK) --no-deps -o peers/models-left-out.txt peers/models-left-out.in
	cd peers/node && npm install --package-lock-only --ignore-scripts

clean:  ## remove the environment and what the targets leave
	rm -rf $(VENV) $(BENCH) .venv-peers peers/node/node_modules out dist build site .mypy_cache .pytest_cache .ruff_cache .hypothesis
