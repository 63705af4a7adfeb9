# make run    the app, on the bundled models             make test       every check and every test, browser included, whatever fails
# make check  lint, format, types, import contract       make test-fast  what the core, the graph, the engine and the methods promise
# make bench  speed against peers and against the floor  make load       how soon the app stands, and many visitors at once
# make constraints  pin anew what the direct pins bring along

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501

# The pins hold as well where a package is built from its source: first variable for pip up to 25.2, second from 25.3 on.
INSTALL := PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt $(BIN)/pip install --quiet

# What proves most in a minute and a half on two cores: the core, the graph, the engine, and of every family a part.
FAST := $(addprefix tests/,core graph engine grad_cam attention weight_stats saliency/paths) \
	$(wildcard tests/relevance/test_lrp_*.py tests/perturbation/test_occlusion.py tests/perturbation/test_kernel_shap.py)

.PHONY: run test test-fast check format bench load truth shots clean

run: $(VENV)/.run
	$(BIN)/streamlit run app.py --server.port $(PORT)

# Every step runs, whatever failed before it; the summary comes last.
test: $(VENV)/.dev
	$(BIN)/python -m tests.support.steps checks tests

test-fast: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow and not gpu" $(FAST)

check: $(VENV)/.dev
	$(BIN)/python -m tests.support.steps checks

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks speed

# A bounded load of this machine alone, on a server of its own.
load: browser
	$(BIN)/python -m benchmarks load

# With PHOTOGRAPHS=FOLDER (pictures and a labels.json: file, index) grids of photographs as well, for a MobileNetV2 with WEIGHTS=FILE.
truth: $(VENV)/.run
	$(BIN)/python -m benchmarks reliability $(if $(PHOTOGRAPHS),--photographs $(PHOTOGRAPHS) $(if $(WEIGHTS),--weights $(WEIGHTS)))
	$(BIN)/python -m benchmarks truth

# The API reference from the docstrings, into build/docs; and the drawing in docs/architecture.md.
.PHONY: docs drawing
docs: $(VENV)/.docs
	$(BIN)/python -m docs.reference build/docs

drawing: $(VENV)/.dev
	$(BIN)/python -m docs.drawing

$(VENV)/.docs: requirements-docs.txt $(VENV)/.run
	$(INSTALL) -r requirements-docs.txt
	touch $@

# Screenshots of every page in both themes, for docs/ and the README.
shots: browser
	$(BIN)/python -m tests.support.browser.shots

.PHONY: browser
browser: $(VENV)/.dev
	$(BIN)/python -m tests.support.browser.chromium

$(VENV)/.python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Vitrine needs Python 3.11 or newer: make PYTHON=python3.11 run")'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.run: requirements.txt constraints.txt $(VENV)/.python
	$(INSTALL) -r requirements.txt
	touch $@

$(VENV)/.dev: requirements-dev.txt requirements-peers.txt $(VENV)/.run
	$(INSTALL) -r requirements-dev.txt
	$(INSTALL) --no-deps -r requirements-peers.txt
	touch $@

# The releases of a fresh environment become the pins; torch stands in requirements.txt alone, with its triple =.
.PHONY: constraints
constraints:
	rm -rf build/constraints
	$(PYTHON) -m venv build/constraints
	build/constraints/bin/pip install --quiet --upgrade setuptools wheel \
		$(patsubst %,-r %,$(filter-out requirements-peers.txt,$(wildcard requirements*.txt)))
	build/constraints/bin/pip install --quiet --no-deps -r requirements-peers.txt
	echo '# Every release that requirements*.txt bring along, as a fresh environment got them: `make constraints`' > constraints.txt
	build/constraints/bin/pip freeze --all --exclude pip --exclude torch >> constraints.txt

clean:
	rm -rf build $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
