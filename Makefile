# Every command sets up what it needs by itself: python3, make and pip are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test test-slow lint format clean

demo: $(VENV)/.test
	$(BIN)/retrodict demo

test: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 --quiet

test-slow: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 --quiet -m slow

lint: $(VENV)/.lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(VENV)/.lint
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf $(VENV)

# Installed once, and again only when what is to be installed has changed.
$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.test: $(VENV)/.made pyproject.toml constraints.txt
	$(PIP) install --constraint constraints.txt --editable '.[test]'
	touch $@

$(VENV)/.lint: $(VENV)/.test
	$(PIP) install --constraint constraints.txt --editable '.[test,lint]'
	touch $@
