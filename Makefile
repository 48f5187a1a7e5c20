# Everything runs from a private environment in .venv; nothing is installed by hand.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: help setup demo test lint unit journeys fuzz audit bench bench-pacing bench-loop bench-load faultlab lock clean
help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

setup: $(STAMP)  ## make or update the private environment in .venv

$(STAMP): bootstrap.lock requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name it with: make PYTHON=python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; echo "venv failed; on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r bootstrap.lock
	$(BIN)/uv pip sync -q --python $(BIN)/python --require-hashes bootstrap.lock requirements-dev.lock
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP)  ## see the dialer work: about a minute, no account needed
	$(BIN)/dialer demo

test: lint unit journeys  ## lint, unit tests and journeys

lint: $(STAMP)  ## style, types, architecture, lock files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@! grep -nE '://' *.lock || { echo "a lock file records a download address" >&2; exit 1; }

unit: $(STAMP)  ## fast tests: no network, no sleep
	$(BIN)/python -m pytest -q tests --ignore tests/journeys --ignore tests/benchmarks -n 2

journeys: $(STAMP)  ## the real daemon against the emulator over loopback
	$(BIN)/python -m pytest -q tests/journeys

fuzz: $(STAMP)  ## hostile input to every reader and output, other examples each time: FUZZ_SECONDS=600
	@end=$$(( $$(date +%s) + $${FUZZ_SECONDS:-300} )); while [ $$(date +%s) -lt $$end ]; do \
	FUZZ_EXAMPLES=1000 $(BIN)/python -m pytest -q tests/fuzz -x --timeout 0 --hypothesis-seed=$$(date +%N) || exit 1; done

audit: $(STAMP)  ## known faults of the locked dependencies; fails when they cannot be looked up
	$(BIN)/python .ci/audit requirements.lock requirements-dev.lock bootstrap.lock

faultlab: $(STAMP)  ## kill, cut off and mislead the running system, twenty seeds: a scoreboard, about half an hour; NODES=2 for two nodes
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.faultlab --seeds 1-20 --nodes $${NODES:-1}

bench: $(STAMP)  ## measure speed against stated floors
	$(BIN)/python -m tests.benchmarks

bench-pacing: $(STAMP)  ## ours against other dialers' pacing and the optimum: a table and pacing.png, about two hours; goes on where it was cut off
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks.pacing --keep pacing.runs

bench-loop: $(STAMP)  ## the real daemon for ten minutes beside the simulator fitted to it: what is lost, and where
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks.loop --agents 50 --minutes 10

bench-load: $(STAMP)  ## 400 agents and 30 calls a second for an hour: speed, memory and processor against the aims; NODES=2 for two nodes on PostgreSQL
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks.load --agents 400 --calls-per-second 30 --minutes 60 --nodes $${NODES:-0}

lock: $(STAMP)  ## renew the lock files (hashes, no addresses)
	$(BIN)/uv pip compile pyproject.toml --generate-hashes --no-emit-index-url --no-header --universal --python-version 3.11 -q -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --group dev --generate-hashes --no-emit-index-url --no-header --universal --python-version 3.11 -q -o requirements-dev.lock
	echo uv | $(BIN)/uv pip compile - --generate-hashes --no-emit-index-url --no-header --universal --python-version 3.11 -q -o bootstrap.lock

clean:  ## remove the private environment
	rm -rf .venv
