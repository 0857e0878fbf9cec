# Likeness. `make run` and `make test` set up all they need; `make` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help run test check check-js lint types layers turn-test fix doctor constraints clean

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: $(READY)  ## start the server; HOST and PORT from the environment
	@exec $(BIN)/python -m server

test: $(READY)  ## run all tests
	$(BIN)/python -m pytest

check: lint types layers test  ## lint, types, layers, tests

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

layers: $(READY)
	$(BIN)/lint-imports

check-js:  ## types of the page's modules; wants npm
	npx --yes --package typescript@7 tsc -p client_web

turn-test: $(READY)  ## media through Debian's coturn, with credentials that expire
	@command -v turnserver >/dev/null || { echo "install coturn: apt-get install coturn"; exit 1; }
	LIKENESS_TURN_TEST=1 $(BIN)/python -m pytest -v tests/test_turn.py

fix: $(READY)  ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

doctor: $(READY)  ## what is present, what is missing, what to do
	$(BIN)/python -m scripts.doctor

constraints: $(READY)  ## write the pinned versions of this environment
	$(BIN)/pip freeze --exclude-editable --exclude likeness | sed 's/+cpu$$//' > constraints.txt

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

# cv2 comes with mediapipe and wants libGL, which servers often lack. Where it does
# not load, the headless build of the same version takes its place.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' \
	  || { echo "Likeness needs Python 3.11 or 3.12; say PYTHON=python3.11 make ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@$(BIN)/python -c 'import cv2' 2>/dev/null || { \
	  $(BIN)/pip uninstall --quiet --yes opencv-contrib-python; \
	  $(BIN)/pip install --quiet --no-deps --force-reinstall opencv-contrib-python-headless==4.11.0.86; }
	@touch $@
