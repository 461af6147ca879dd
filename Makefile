# Everything a person types here. `make help` lists the commands.
#
# Needs Python 3.11 to 3.13 and make; packages go into .venv, never beside it. The locks name every
# package by version and hash, so two machines get the same environment.
# A `MINER_…` setting reaches the pipeline either way round:
#   MINER_DATA_DIR=path make run        make run MINER_DATA_DIR=path

PYTHON ?= $(firstword $(foreach v,3.11 3.12 3.13,$(shell python$v -c 'print("python$v")' 2>/dev/null)) python3)
PORT ?= 3000
VENV := .venv
PY := $(VENV)/bin/python
SHELL := /bin/sh
.SHELLFLAGS := -eu -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# Nobody is told that this project runs.
export DO_NOT_TRACK := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export DAGSTER_DISABLE_TELEMETRY := yes
# A person watches: lines appear when they are printed.
export PYTHONUNBUFFERED := 1
# A PYTHONPATH or PYTHONHOME of the shell would mix other packages into the locked ones.
unexport PYTHONPATH
unexport PYTHONHOME

LOCKS := requirements
# A stamp is a copy of the lock that was installed, put there as the last step: an
# interrupted install leaves none.
VENV_MADE := $(VENV)/made
RUNTIME := $(VENV)/runtime.lock
DEV := $(VENV)/dev.lock
# The models on Apache Spark: 456 MB, so development does without it.
# `make run TARGET=spark` and MINER_TARGET=spark say the same.
SPARK := $(VENV)/spark.lock
# A TARGET of the shell is somebody else's.
ifeq "$(origin TARGET)" "command line"
export MINER_TARGET := $(TARGET)
endif
WITH_SPARK = $(if $(filter spark,$(MINER_TARGET)),$(SPARK))

# $(call install,FOLDER,LOCK): the packages of a lock by name and hash, into the environment in FOLDER.
# uv, itself in the runtime lock, does it in seconds; pip installs it where it is missing and knows
# which index to ask. `--no-deps` because locks are complete, which `uv pip check` proves.
define install
	@echo "installing $$(grep -c '^[a-z0-9].*==' $(2)) packages of $(2) into $(1) (once) ..."
	@{ $(PY) -m uv --version >/dev/null 2>&1 || { \
	    awk '/^[^ ]/ { wanted = /^uv==/ } wanted' $(LOCKS)/runtime.lock > $(VENV)/bootstrap.lock; \
	    $(PY) -m pip install --disable-pip-version-check --no-input --no-deps --quiet \
	        --require-hashes -r $(VENV)/bootstrap.lock; }; } \
	  && index=$${PIP_INDEX_URL:-$$($(PY) -m pip config get global.index-url 2>/dev/null || true)} \
	  && $(PY) -m uv pip install --python $(1)/bin/python --quiet --system-certs --no-deps \
	      --require-hashes $${index:+--default-index "$$index"} -r $(2) \
	  && $(PY) -m uv pip check --python $(1)/bin/python --quiet || { \
	    echo "The packages could not be installed; the reason is above." >&2; \
	    echo "  mend:  check the connection to the package registry, then give the command again" >&2; \
	    exit 1; }
endef

# Prints nothing when the documents written from the contracts are what they should be.
define STALE_DOCUMENTS
import sys
from dagster_project.contracts import documentation as made
readme = made.DICTIONARY_PATH.read_text(encoding="utf-8")
stale = [
    path.relative_to(made.PROJECT_DIR).as_posix()
    for path, text in (
        (made.SOURCES_PATH, made.sources_yaml()),
        (made.MARTS_MACRO_PATH, made.marts_macro()),
        (made.DICTIONARY_PATH, made.with_dictionary(readme)),
    )
    if path.read_text(encoding="utf-8") != text
]
sys.exit(f"not up to date: {', '.join(stale)}\n  mend:  make contracts" if stale else 0)
endef
export STALE_DOCUMENTS

##@ Use

.PHONY: run
run: $(RUNTIME) $(WITH_SPARK) ## build the whole warehouse and print the answer; TARGET=spark on Apache Spark
	@$(PY) -m dagster_project run

.PHONY: live
live: $(RUNTIME) $(WITH_SPARK) ## the same from the vendors of today, over the internet; no keys needed
	@MINER_SOURCE=live $(PY) -m dagster_project run

.PHONY: doctor
doctor: $(RUNTIME) ## ask every live source once: reachable, how fast, how fresh, what to set
	@$(PY) -m dagster_project doctor

.PHONY: ui
ui: $(RUNTIME) $(WITH_SPARK) ## start Dagster in the browser (graph, runs, checks); PORT=3001 for another port
	@$(PY) -m dagster_project ui --port $(PORT)

.PHONY: dashboard
dashboard: $(RUNTIME) ## show the published figures in the browser; PORT=8502 for another port
	@$(PY) -m dagster_project dashboard --port $(if $(filter file,$(origin PORT)),8501,$(PORT))

.PHONY: sql
sql: $(RUNTIME) ## open DuckDB's shell on the published file; piped SQL is answered, FORMAT=csv
	@$(PY) -m dagster_project sql --format '$(FORMAT)'

# The site's builder wants an environment of its own (pyproject.toml says why).
SITE_VENV := .venv-docs
SITE := $(SITE_VENV)/docs.lock
.PHONY: docs
docs: $(RUNTIME) $(SITE) ## build the documentation as pages that open from disk (build/docs/site)
	@$(PY) -m dagster_project.docs_site pages build/docs
	@$(SITE_VENV)/bin/zensical build --strict --config-file build/docs/zensical.toml
	@$(PY) -m dagster_project.docs_site finish build/docs

.PHONY: rebuild
rebuild: $(RUNTIME) $(WITH_SPARK) ## make the working file anew from the sources; the publication stays
	@$(PY) -m dagster_project rebuild

.PHONY: rollback
rollback: $(RUNTIME) ## let readers see the publication before the present one; TO=... names another
	@$(PY) -m dagster_project rollback $(if $(TO),--to '$(TO)')

.PHONY: postgres
postgres: $(RUNTIME) ## bring PostgreSQL (MINER_POSTGRES_URL) to the publication on disk
	@$(PY) -m dagster_project postgres

.PHONY: team
team: $(RUNTIME) ## who runs the shared Dagster instance; HERE=1 moves it here, MIGRATE=1 renews its tables
	@$(PY) -m dagster_project team $(if $(HERE),--here) $(if $(MIGRATE),--migrate)

.PHONY: candidates
candidates: $(RUNTIME) ## print ledger rows for filings to judge; SINCE=2025-01-01 TICKER=CORZ narrow them
	@$(PY) -m dagster_project candidates $(if $(SINCE),--since '$(SINCE)') \
	    $(if $(TICKER),--ticker '$(TICKER)')

# Superset wants an environment of its own: it needs older versions of much that is in .venv.
SUPERSET_VENV := .venv-superset
SUPERSET := $(SUPERSET_VENV)/superset.lock
.PHONY: superset
superset: PORT := 8088
superset: $(RUNTIME) $(SUPERSET) ## try the dashboard in an Apache Superset on this machine; PORT=8089 for another port
	@$(PY) -m bi.superset trial --port $(PORT)

.PHONY: superset-import
superset-import: $(RUNTIME) ## bring the dashboard into your Superset; URL=https://... USER_NAME=admin
	@$(PY) -m bi.superset import $(if $(URL),--url '$(URL)') $(if $(USER_NAME),--user '$(USER_NAME)') \
	    $(if $(DATABASE),--database '$(DATABASE)')

##@ Check

# On every processor, up to four; tests of one file stay in one process, for they share what is
# costly. (`loadgroup` groups nothing with xdist 3.8 and pytest 9.2: the marks do not arrive.)
# Files go out in the order of tests/conftest.py, not the longest list of tests first.
SHARED := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: test
test: $(DEV) ## all tests but the slow ones and those in a browser
	@$(PY) -m pytest $(SHARED)

.PHONY: test-nightly
test-nightly: $(DEV) $(SPARK) ## ten thousand mutations per parser, fifty kills, scale, an evening, Spark on five machines
	@$(PY) -m pytest -m nightly

.PHONY: test-spark
test-spark: $(DEV) $(SPARK) ## the models on a Spark cluster of this machine, compared with DuckDB; minutes
	@$(PY) -m pytest --durations=15 -m "spark and not nightly"

.PHONY: test-all
test-all: $(DEV) $(SPARK) ## every test but the nightly ones, also the slow ones and those in a browser
	@$(PY) -m pytest $(SHARED) -m "not nightly"

.PHONY: check-ledger
check-ledger: $(RUNTIME) ## say what is wrong in the ledger's CSV files, line by line
	@$(PY) -m dagster_project check-ledger

.PHONY: check-data
check-data: $(RUNTIME) ## say everything that is wrong in the data folder, before a run
	@$(PY) -m dagster_project check-data

.PHONY: lint
lint: $(DEV) ## style of Python and SQL; are the documents made from contracts fresh
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m sqlfluff lint --disable-progress-bar dbt
	@$(PY) -m dagster_project.sql_rules dbt dagster_project
	@$(PY) -c "$$STALE_DOCUMENTS"

# The last part of `lint` alone, for the pre-commit hook.
.PHONY: lint-documents
lint-documents: $(DEV)
	@$(PY) -c "$$STALE_DOCUMENTS"

.PHONY: format
format: $(DEV) ## mend the style of Python and SQL where that needs no judgement
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .
	@$(PY) -m sqlfluff fix --disable-progress-bar dbt

.PHONY: types
types: $(DEV) ## types of the Python code
	@$(PY) -m mypy

.PHONY: check
check: lint types test ## lint, types and test

.PHONY: bench
bench: $(DEV) ## every benchmark in one table, beside plain SQL, pandas and a copy; WRITE=docs/benchmarks
	@$(PY) -m benchmarks $(if $(PACKAGE),--package '$(PACKAGE)') $(if $(WRITE),--write '$(WRITE)')

##@ Maintain

.PHONY: contracts
contracts: $(RUNTIME) ## write dbt's sources, the data dictionary and the list of marts
	@$(PY) -m dagster_project.contracts.documentation

.PHONY: superset-bundle
superset-bundle: $(RUNTIME) ## write Superset's files from bi/superset/definition.py and the published words
	@$(PY) -m bi.superset bundle

# Everything that shares .venv is chosen together, then each lock is a part of it: development and
# Spark hold what they add to the runtime. The marker that every line would carry (these Pythons,
# these systems) is left out.
COMPILE := UV_CUSTOM_COMPILE_COMMAND="make lock" $(PY) -m uv pip compile --universal --quiet \
    --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --upgrade
MADE := $(VENV)/lock
LIGHT := --group install --extra live --extra sql --extra postgres --extra team --extra dashboard
COMMON_MARKER := ; python_full_version < '3.14' and platform_python_implementation == 'CPython' and (sys_platform == 'darwin' or sys_platform == 'linux')
ADDED := awk '/^[a-z0-9].*==/ { split($$0, name, "=="); known = name[1] in first; \
    if (NR == FNR) first[name[1]] } NR > FNR && !known'
.PHONY: lock
lock: $(DEV) ## choose the newest versions within pyproject.toml's bounds and lock them
	@mkdir -p $(MADE)
	@$(COMPILE) pyproject.toml $(LIGHT) --group dev --extra spark -o $(MADE)/all
	@$(COMPILE) pyproject.toml $(LIGHT) --constraint $(MADE)/all -o $(MADE)/runtime
	@$(COMPILE) pyproject.toml $(LIGHT) --group dev --constraint $(MADE)/all -o $(MADE)/dev
	@$(COMPILE) pyproject.toml $(LIGHT) --extra spark --constraint $(MADE)/all -o $(MADE)/spark
	@for alone in docs superset; do $(COMPILE) --group $$alone -o $(MADE)/$$alone; done
	@for lock in runtime dev spark docs superset; do \
	    sed -i.old -e "s/ $(COMMON_MARKER) / /" -e '/-c .*lock.all/d' $(MADE)/$$lock; done
	@for added in dev spark; do $(ADDED) $(MADE)/runtime $(MADE)/$$added > $(LOCKS)/$$added.lock; done
	@for whole in runtime docs superset; do cp $(MADE)/$$whole $(LOCKS)/$$whole.lock; done
	@rm -r $(MADE)
	@echo "wrote $(LOCKS)/*.lock; now: make check"

.PHONY: hooks
hooks: $(DEV) ## run the linters at every commit
	@$(PY) -m pre_commit install

.PHONY: clean
clean: ## remove what tools left behind; keep .venv, the warehouse and the publications
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis build dbt/target dbt/logs logs
	@find dagster_project tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

.PHONY: clean-all
clean-all: clean ## also remove .venv (the next command installs it again)
	@rm -rf $(VENV) $(SITE_VENV) $(SUPERSET_VENV)

.PHONY: help
help: ## this list
	@awk 'BEGIN { FS = ":.*## " } \
	    /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	    /^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "Own figures: make run MINER_DATA_DIR=folder (data/README.md says what it holds)."

# ---- Environment ----

# A Python that was removed or replaced leaves a dangling link behind: make .venv anew then.
$(shell test -x $(PY) || rm -f $(VENV_MADE))

$(VENV_MADE):
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || { \
	    echo "Python 3.11, 3.12 or 3.13 is needed; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." >&2; \
	    echo "  mend:  install one, or name it: make run PYTHON=/path/to/python3.13" >&2; \
	    exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { \
	    echo "The environment $(VENV) could not be made." >&2; \
	    echo "  mend:  Debian and Ubuntu keep this module apart: apt-get install python3-venv" >&2; \
	    exit 1; }
	@touch $@

# The project itself is installed too, editable, by the builder in the lock: no registry is asked.
$(RUNTIME): $(LOCKS)/runtime.lock pyproject.toml $(VENV_MADE)
	$(call install,$(VENV),$<)
	@$(PY) -m uv pip install --python $(PY) --quiet --no-deps --offline --no-build-isolation --editable .
	@cp $< $@

$(DEV) $(SPARK): $(VENV)/%.lock: $(LOCKS)/%.lock $(RUNTIME)
	$(call install,$(VENV),$<)
	@cp $< $@

# Environments of their own.
$(SITE) $(SUPERSET): $(RUNTIME)
$(SITE_VENV)/%.lock $(SUPERSET_VENV)/%.lock: $(LOCKS)/%.lock
	@$(PYTHON) -m venv --clear $(@D)
	$(call install,$(@D),$<)
	@cp $< $@
