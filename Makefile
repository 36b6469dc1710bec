# MDM Portal. `make run` and `make test` need Python 3.11+ and make; they get the rest.
PYTHON ?= python3
PORT ?= 8000
DEVICES ?= 6
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test lint format fleet forms fuzz bench bench-fleet clean

run: $(VENV)/.run
	@$(BIN)/python manage.py run --port $(PORT) --devices $(DEVICES)

# ONLY=sqlite or ONLY=postgres for one of the two runs; T is handed to pytest
test: $(VENV)/.dev
	@$(BIN)/python -m tests.run $(if $(ONLY),--only $(ONLY)) $(T)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

fleet: $(VENV)/.dev  ## 1,000 simulated devices enroll and answer: about ten minutes
	@FLEET=1000 $(BIN)/pytest tests/journeys/test_fleet.py -s

forms: $(VENV)/.dev  ## the forms of the most nested commands, filled in in a browser: about five minutes
	@FORMS=all $(BIN)/pytest tests/browser/test_key_forms.py

fuzz: $(VENV)/.dev  ## the running portal's API is asked all that its description allows: two minutes
	@$(BIN)/python -m tests.api.fuzz

bench: $(VENV)/.dev
	$(BIN)/python -m bench

bench-fleet: $(VENV)/.dev  ## the pages of 100,000 generated devices: about ten minutes
	$(BIN)/python -m bench.large

clean:
	rm -rf $(VENV) var

$(VENV)/.run: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed (PYTHON=... names another)."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing packages ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements.txt requirements-dev.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing packages ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/.run
