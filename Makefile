# `make demo` and `make test` need Python 3.11 or newer and a package index, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SAMPLE := data/events.parquet
WORKERS ?= 3

.PHONY: demo test lint bench evaluate sample clean

demo: $(VENV)/run
	$(BIN)/clustergraph run $(SAMPLE) --accounts data/accounts.parquet --out out/demo
	@echo
	@echo "The artefacts are in out/demo. Why the first cluster belongs together:"
	@echo "    $(BIN)/clustergraph explain out/demo 1"

# What is compiled is cached for all of pytest's workers, while the linters run.
test: $(VENV)/test
	$(BIN)/python -m tests.compiled & $(MAKE) --no-print-directory lint; status=$$?; wait; exit $$status
	$(BIN)/pytest -n $(WORKERS) --dist loadfile

lint: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Speed and memory, and quality at full size: minutes to hours, for the tables in the README.
bench: $(VENV)/test
	$(BIN)/python -m tests.bench

# Quality on worlds of known truth, and the picture of the evasion curve: hours, for "Evaluated" in the README.
# `make evaluate SECTIONS="bounds --seeds 7001"` is one part of it.
evaluate: $(VENV)/run
	$(BIN)/python -m tests.evaluate $(SECTIONS)

sample: $(VENV)/run
	$(BIN)/python data/make_sample.py

$(VENV)/run: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "clustergraph needs Python 3.11 or newer")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/test: $(VENV)/run
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@

clean:
	rm -rf $(VENV) out build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
