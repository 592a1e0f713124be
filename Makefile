# make quick      the whole paper with small networks: train, rest, compare, draw, report; minutes
# make test       the tests but the slow ones, one process per core: 6 to 10 minutes on two idle cores; says how long it took
# make test-all   the slow ones, too; of a part alone: .venv/bin/python -m pytest -m artifact (or slow, gpu, slurm)
#                 one, with a debugger where it fails: .venv/bin/python -m pytest -x --pdb tests/test_spaces.py
# make browser    the live page and the report in real browsers, those that are installed; as root, Chromium is fetched by apt where it can be
# make wheel      the slow tests of the package as others install it: under 4 minutes
# make notebooks  the notebooks, run as they stand: under a minute
# make docs       these documents, the public names and the live page as a site, offline: build/site/index.html; under a minute
# make faults     kills, errors of the system and damage for two minutes; promises that break are named (docs/reliability.md)
# make lint       ruff and mypy
# make bench      how fast training and analysis are on this machine; quiet machines tell the truth
# Each makes .venv first, and installs again when the requirements changed or the last install did not finish.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
SITE := .venv/installed-docs
CORES = $(shell $(BIN)/python -c 'from reactivation.machine.cores import available; print(available())')
# All tests of a file run in one process: what its tests share is made once.
TESTS = $(BIN)/python -m pytest -n $(CORES) --dist loadfile

.PHONY: quick test test-all browser wheel notebooks docs faults lint bench install clean

quick: install
	$(BIN)/python reproduce.py profile=quick

test: install
	$(TESTS) -m "not slow and not slurm"

test-all: install
	$(TESTS)

browser: install
	@command -v chromium >/dev/null || apt-get install -qq -y --no-install-recommends chromium >/dev/null 2>&1 || true
	@if command -v chromium >/dev/null; then $(BIN)/python -m pytest tests/test_live.py tests/test_report.py; \
	else echo "SKIPPED the pages in a browser: no chromium here, and apt-get cannot install it"; fi

wheel: install
	$(BIN)/python -m pytest -m slow tests/test_package.py

notebooks: install
	$(BIN)/python -m pytest -m slow tests/test_notebooks.py

docs: $(SITE)
	$(BIN)/python -m sphinx --quiet --fail-on-warning -b html -c docs/site . build/site
	@echo build/site/index.html

faults: install
	FOLDER=`mktemp -d` && OMP_NUM_THREADS=1 $(BIN)/python benchmarks/reliability.py seconds=120 out=$$FOLDER/counts.json

lint: install
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

bench: install
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/breakdown.py
	$(BIN)/python benchmarks/floor.py
	$(BIN)/python benchmarks/analysis.py
	$(BIN)/python benchmarks/rest.py

install: $(INSTALLED)

# The stamp is written last, so an install that was interrupted is done again.
$(INSTALLED): requirements.txt requirements-dev.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed, and there is no $(PYTHON) here: install it, or name one with make PYTHON=..."; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, and $(PYTHON) is `$(PYTHON) --version 2>&1`: install it, or name one with make PYTHON=..."; exit 2; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $(INSTALLED)

$(SITE): requirements-docs.txt $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-docs.txt
	@touch $(SITE)

clean:
	rm -rf .venv
