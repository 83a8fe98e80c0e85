# Two commands do everything: `make serve` and `make test`. The environment is .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SPEC ?= examples/laptop.yaml
STAMP := $(VENV)/.ready

.PHONY: serve monitor test test-slow lint setup demo-models bench clean

serve: setup
	$(BIN)/signalbox serve $(SPEC)

# A Prometheus beside the fleet that `make serve` runs, with the alerts of its spec.
monitor: setup
	$(BIN)/signalbox monitor $(SPEC)

test: setup lint
	$(BIN)/pytest -m "not slow"

test-slow: setup
	$(BIN)/pytest -m slow

lint: setup
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The bigger models grow out of the small one, so it comes first. Two hours on two cores; --resume goes on.
demo-models: setup
	$(BIN)/python -m demo.train --model small --resume
	$(BIN)/python -m demo.train --model moe --resume & $(BIN)/python -m demo.train --model large --resume; wait
	$(BIN)/python -m demo.evaluate

bench: setup
	$(BIN)/signalbox bench demo

setup: $(STAMP)

$(STAMP): pyproject.toml setup.sh tools.sh
	PYTHON=$(PYTHON) VENV=$(VENV) ./setup.sh
	VENV=$(VENV) ./tools.sh || echo "without these programs, make monitor and some tests do not run"
	touch $@

clean:
	rm -rf $(VENV)
