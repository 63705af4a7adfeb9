# make run    the app, on the bundled models          make test   every check and every test
# make check  lint, format, types, import contract    make bench  speed against peers and against the floor

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501

.PHONY: run test check format bench truth shots clean

run: $(VENV)/.run
	$(BIN)/streamlit run app.py --server.port $(PORT)

test: check browser
	$(BIN)/python -m pytest -n auto -m "not browser"
	$(BIN)/python -m pytest -m browser

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy explainers
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks speed

truth: $(VENV)/.run
	$(BIN)/python -m benchmarks.truth

# The API reference from the docstrings, into build/docs; and the drawing in docs/architecture.md.
.PHONY: docs drawing
docs: $(VENV)/.docs
	$(BIN)/python -m docs.reference build/docs

drawing: $(VENV)/.dev
	$(BIN)/python -m docs.drawing

$(VENV)/.docs: requirements-docs.txt $(VENV)/.run
	$(BIN)/pip install --quiet -r requirements-docs.txt
	touch $@

# Screenshots of every page in both themes, for docs/ and the README.
shots: browser
	$(BIN)/python -m tests.support.shots

.PHONY: browser
browser: $(VENV)/.dev
	$(BIN)/python -m tests.support.chromium

$(VENV)/.python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Vitrine needs Python 3.11 or newer: make PYTHON=python3.11 run")'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.run: requirements.txt $(VENV)/.python
	$(BIN)/pip install --quiet -r requirements.txt
	touch $@

$(VENV)/.dev: requirements-dev.txt requirements-peers.txt $(VENV)/.run
	$(BIN)/pip install --quiet -r requirements-dev.txt
	$(BIN)/pip install --quiet --no-deps -r requirements-peers.txt
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
