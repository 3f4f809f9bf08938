# Two commands on a fresh machine with Python 3.11+ and make:
#   make demo    a simulated phone call through the real bridge (no key, no number, no internet beyond installing)
#   make test    lint, types and every test
# And, after either:
#   make screenshots   every page of the console as a picture, in docs/screenshots (needs a Chromium)
#   make bench   what a call costs on this machine, beside the least it could cost (bench/README.md; about 90 s)
#   make soak    what takes too long for every run of the tests: dialers killed and frozen over and over (minutes)

PYTHON ?= python3
VENV ?= .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet install

.PHONY: demo test soak bench screenshots lint format clean

demo: $(VENV)/.ready-demo
	@$(VENV)/bin/callbridge demo

test: $(VENV)/.ready-test
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check --quiet .
	@$(PY) -m mypy
	@$(PY) -m pytest -n 2 -m "not sockets"
	@$(PY) -m pytest -n 2 --dist loadfile -m sockets

soak: $(VENV)/.ready-test
	@$(PY) tests/dialer/kill/soak.py $(ROUNDS)

bench: $(VENV)/.ready-demo
	@$(PY) -m bench.run $(BENCH)

screenshots: $(VENV)/.ready-test
	@$(PY) -m tests.web.browser.screenshots

lint: $(VENV)/.ready-test
	$(PY) -m ruff check .
	$(PY) -m mypy

format: $(VENV)/.ready-test
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "callbridge needs Python 3.11 or newer; this is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "This Python has no venv. On Debian and Ubuntu: apt-get install python3-venv"; exit 2; }
	@echo "setting up $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)

# The stamps are older than pyproject.toml when it has changed, and then the extras are installed again.
$(VENV)/.ready-demo: pyproject.toml | $(PY)
	@echo "installing callbridge with its local engine ..."
	@$(PIP) -e '.[local,fast]'
	@touch $@

$(VENV)/.ready-test: pyproject.toml | $(PY)
	@echo "installing callbridge with its tests ..."
	@$(PIP) -e '.[local,fast,dev]'
	@touch $@ $(VENV)/.ready-demo
