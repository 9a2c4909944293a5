# make demo and make test need Python 3.11+, make and a package registry: nothing else.
PYTHON ?= python3
UV := .venv/bin/uv
LS := .venv-label-studio
FO := .venv-fiftyone
# Threads that wait for each other by spinning are many times slower where something else runs too.
TESTS := OMP_WAIT_POLICY=PASSIVE
ENV := DO_NOT_TRACK=1 PREFECT_SERVER_ANALYTICS_ENABLED=false PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS=false RAY_USAGE_STATS_ENABLED=0

# Without compiled modules each command would compile PyTorch anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint unit slow long docs pictures install label-studio fiftyone clean
.DELETE_ON_ERROR:

demo: install label-studio ## the whole pipeline on 20 photographs
	@$(ENV) .venv/bin/reground demo -w demo-workspace $(DEMO)

test: install label-studio fiftyone lint unit slow ## everything that is checked

lint:
	@echo "== lint: ruff, pyright"
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/pyright --warnings

unit:
	@echo "== unit tests"
	@$(ENV) $(TESTS) .venv/bin/pytest -m "not slow and not long" -n auto --dist worksteal

slow:
	@echo "== real weights, real servers, a real browser"
	@$(ENV) $(TESTS) .venv/bin/pytest -m "slow and not long" -n 2 --dist loadfile

long: install label-studio ## what is not part of test: more kills, more inputs, the benchmarks of reviews
	@$(ENV) $(TESTS) .venv/bin/pytest -m long

docs: install ## the documentation as a site in site/, which opens from the folder; a broken link fails
	@.venv/bin/python docs/make_reference.py
	@.venv/bin/zensical build --strict

pictures: install label-studio ## the pictures in docs, anew: from the demo's report and a real Label Studio; needs Chromium
	@$(ENV) .venv/bin/reground demo -w demo-workspace
	@$(ENV) .venv/bin/python -m tests.support.pictures demo-workspace

install: .venv/.installed ## .venv with the reground command
label-studio: $(LS)/.installed ## Label Studio, in an environment of its own
fiftyone: $(FO)/.installed ## FiftyOne, in an environment of its own: only tests read an export back with it

$(UV):
	@echo "== making .venv"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "reground needs Python 3.11 or newer; say PYTHON=python3.11 make ...")'
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.8

.venv/.installed: $(UV) pyproject.toml constraints.txt
	@echo "== installing reground and what it needs into .venv (several GB the first time: PyTorch)"
	@$(UV) pip install --python .venv/bin/python -c constraints.txt -e '.[dev]'
	@touch $@

$(LS)/.installed: $(UV) constraints-label-studio.txt
	@echo "== installing Label Studio into $(LS)"
	@test -x $(LS)/bin/python || $(PYTHON) -m venv $(LS)
	@$(UV) pip install --python $(LS)/bin/python -c constraints-label-studio.txt label-studio
	@touch $@

$(FO)/.installed: $(UV) constraints-fiftyone.txt
	@echo "== installing FiftyOne into $(FO)"
	@test -x $(FO)/bin/python || $(PYTHON) -m venv $(FO)
	@$(UV) pip install --python $(FO)/bin/python -c constraints-fiftyone.txt fiftyone
	@touch $@

clean: ## environments, caches and the demo's workspace
	rm -rf .venv $(LS) $(FO) demo-workspace site docs/reference .cache .pytest_cache .ruff_cache .hypothesis
