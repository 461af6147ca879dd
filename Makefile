# Everything a person types here. `make help` lists the commands.
#
# Needs Python 3.11 and make; packages go into .venv, never beside it. The locks name every
# package by version and hash, so two machines get the same environment.
# A `MINER_…` setting reaches the pipeline either way round:
#   MINER_DATA_DIR=path make run        make run MINER_DATA_DIR=path

PYTHON ?= python3.11
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

# A stamp is a copy of the lock that was installed, put there as the last step: an
# interrupted install leaves none, and a lock with new times but old words installs nothing.
VENV_MADE := $(VENV)/made
RUNTIME := $(VENV)/requirements.lock
DEV := $(VENV)/requirements-dev.lock
# What single commands need beyond `make run`: an extra of pyproject.toml each, with a lock of
# what it adds to requirements.lock.
EXTRAS := live sql postgres team dashboard
LIVE := $(VENV)/requirements-live.lock
SQL := $(VENV)/requirements-sql.lock
DASHBOARD := $(VENV)/requirements-dashboard.lock
POSTGRES := $(VENV)/requirements-postgres.lock
TEAM := $(VENV)/requirements-team.lock
# The models on Apache Spark: an extra too, but 456 MB, so development does without it.
# `make run TARGET=spark` and MINER_TARGET=spark say the same.
SPARK := $(VENV)/requirements-spark.lock
# A TARGET of the shell is somebody else's.
ifeq "$(origin TARGET)" "command line"
export MINER_TARGET := $(TARGET)
endif
WITH_SPARK = $(if $(filter spark,$(MINER_TARGET)),$(SPARK))
# Commands that publish need PostgreSQL's driver where a database is named.
WITH_POSTGRES = $(if $(MINER_POSTGRES_URL),$(POSTGRES))
# Commands that record runs need Dagster's storage in PostgreSQL where the team shares one.
WITH_TEAM = $(if $(MINER_DAGSTER_POSTGRES_URL),$(TEAM))

# $(call install,LOCKS,STAMP): packages of the locks by name and hash. pip's own words go to a
# log that is shown when it fails; a person sees what is being fetched. `--no-deps` because
# the locks are complete, which `pip check` then proves. The project itself is installed last, as it
# lies here, with the builder that is in the locks: nobody is asked for it.
define install
	if ! cat $(1) | cmp -s - $(2); then \
	    total=$$(cat $(1) | grep -c '^[a-z0-9].*=='); \
	    echo "installing $$total packages of $(1) into $(VENV) (once; one to three minutes) ..."; \
	    rm -f $(2) $(VENV)/install.ok; \
	    { $(PY) -m pip install --disable-pip-version-check --no-input --no-deps \
	          --require-hashes --progress-bar off $(addprefix -r ,$(1)) 2>&1 \
	      && $(PY) -m pip install --disable-pip-version-check --no-input --no-deps --no-index \
	          --no-build-isolation --editable . 2>&1 \
	      && $(PY) -m pip check --disable-pip-version-check 2>&1 \
	      && touch $(VENV)/install.ok || true; } \
	      | tee $(VENV)/install.log \
	      | awk -v total=$$total '/^(Collecting|Requirement already)/ { n++ } \
	            n >= shown + 25 { shown = n; print "  found " n " of " total; fflush() } \
	            /^Installing collected/ { print "  unpacking ..."; fflush() }'; \
	    if ! [ -e $(VENV)/install.ok ]; then \
	        tail -n 15 $(VENV)/install.log >&2; \
	        echo "The packages could not be installed (whole log: $(VENV)/install.log)." >&2; \
	        echo "  mend:  check the connection to the package registry, then give the command again" >&2; \
	        exit 1; \
	    fi; \
	fi; \
	cat $(1) > $(2).new; mv $(2).new $(2)
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
run: $(RUNTIME) $(WITH_SPARK) $(WITH_POSTGRES) $(WITH_TEAM) ## build the whole warehouse and print the answer; TARGET=spark on Apache Spark
	@$(PY) -m dagster_project run

.PHONY: live
live: $(LIVE) $(WITH_SPARK) $(WITH_POSTGRES) $(WITH_TEAM) ## the same from the vendors of today, over the internet; no keys needed
	@MINER_SOURCE=live $(PY) -m dagster_project run

.PHONY: doctor
doctor: $(LIVE) ## ask every live source once: reachable, how fast, how fresh, what to set
	@$(PY) -m dagster_project doctor

.PHONY: ui
ui: $(RUNTIME) $(WITH_SPARK) $(WITH_POSTGRES) $(WITH_TEAM) ## start Dagster in the browser (graph, runs, checks); PORT=3001 for another port
	@$(PY) -m dagster_project ui --port $(PORT)

.PHONY: dashboard
dashboard: $(DASHBOARD) ## show the published figures in the browser; PORT=8502 for another port
	@$(PY) -m dagster_project dashboard --port $(if $(filter file,$(origin PORT)),8501,$(PORT))

.PHONY: sql
sql: $(SQL) ## open DuckDB's shell on the published file; piped SQL is answered, FORMAT=csv
	@$(PY) -m dagster_project sql --format '$(FORMAT)'

# The site's builder wants an environment of its own (requirements-docs.in says why).
SITE_VENV := .venv-docs
SITE := $(SITE_VENV)/requirements-docs.lock
.PHONY: docs
docs: $(RUNTIME) $(SITE) ## build the documentation as pages that open from disk (build/docs/site)
	@$(PY) -m dagster_project.docs_site pages build/docs
	@$(SITE_VENV)/bin/zensical build --strict --config-file build/docs/zensical.toml
	@$(PY) -m dagster_project.docs_site finish build/docs

$(SITE): requirements-docs.lock
	@echo "installing the site's builder into $(SITE_VENV) (once) ..."
	@$(PYTHON) -m venv --clear $(SITE_VENV)
	@$(SITE_VENV)/bin/python -m pip install --disable-pip-version-check --no-input --no-deps \
	    --require-hashes --quiet -r requirements-docs.lock
	@cp requirements-docs.lock $@

.PHONY: rebuild
rebuild: $(RUNTIME) $(WITH_SPARK) $(WITH_POSTGRES) $(WITH_TEAM) ## make the working file anew from the sources; the publication stays
	@$(PY) -m dagster_project rebuild

.PHONY: rollback
rollback: $(RUNTIME) $(WITH_POSTGRES) ## let readers see the publication before the present one; TO=... names another
	@$(PY) -m dagster_project rollback $(if $(TO),--to '$(TO)')

.PHONY: postgres
postgres: $(POSTGRES) ## bring PostgreSQL (MINER_POSTGRES_URL) to the publication on disk
	@$(PY) -m dagster_project postgres

.PHONY: team
team: $(TEAM) ## who runs the shared Dagster instance; HERE=1 moves it here, MIGRATE=1 renews its tables
	@$(PY) -m dagster_project team $(if $(HERE),--here) $(if $(MIGRATE),--migrate)

.PHONY: candidates
candidates: $(RUNTIME) ## print ledger rows for filings to judge; SINCE=2025-01-01 TICKER=CORZ narrow them
	@$(PY) -m dagster_project candidates $(if $(SINCE),--since '$(SINCE)') \
	    $(if $(TICKER),--ticker '$(TICKER)')

# Superset wants an environment of its own: it needs older versions of much that is in .venv.
SUPERSET_VENV := .venv-superset
SUPERSET := $(SUPERSET_VENV)/requirements-superset.lock
.PHONY: superset
superset: PORT := 8088
superset: $(RUNTIME) $(SUPERSET) ## try the dashboard in an Apache Superset on this machine; PORT=8089 for another port
	@$(PY) -m bi.superset trial --port $(PORT)

.PHONY: superset-import
superset-import: $(RUNTIME) ## bring the dashboard into your Superset; URL=https://... USER_NAME=admin
	@$(PY) -m bi.superset import $(if $(URL),--url '$(URL)') $(if $(USER_NAME),--user '$(USER_NAME)') \
	    $(if $(DATABASE),--database '$(DATABASE)')

$(SUPERSET): requirements-superset.lock
	@if ! cmp -s $< $@; then \
	    echo "installing $$(grep -c '^[a-z0-9].*==' $<) packages of $< into $(SUPERSET_VENV) (once; minutes) ..."; \
	    $(PYTHON) -m venv --clear $(SUPERSET_VENV); \
	    if $(PY) -m uv --version >/dev/null 2>&1; then \
	        $(PY) -m uv pip install --quiet --python $(SUPERSET_VENV)/bin/python --no-deps \
	            --require-hashes -r $<; \
	    else \
	        $(SUPERSET_VENV)/bin/python -m pip install --disable-pip-version-check --no-input \
	            --no-deps --require-hashes --quiet -r $<; \
	    fi; \
	fi
	@cp $< $@

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

# The package that the event study is compared with wants an environment of its own.
BENCH_VENV := .venv-bench
BENCH := $(BENCH_VENV)/requirements-bench.lock
.PHONY: bench
bench: $(DEV) $(BENCH) ## every benchmark in one table, beside plain SQL, pandas, a package and a copy; WRITE=docs/benchmarks
	@$(PY) -m benchmarks --package $(BENCH_VENV)/bin/python $(if $(WRITE),--write '$(WRITE)')

$(BENCH): requirements-bench.lock
	@$(PYTHON) -m venv --clear $(BENCH_VENV)
	@$(BENCH_VENV)/bin/python -m pip install --disable-pip-version-check --no-input --no-deps \
	    --require-hashes --quiet -r requirements-bench.lock
	@cp requirements-bench.lock $@

##@ Maintain

.PHONY: contracts
contracts: $(RUNTIME) ## write dbt's sources, the data dictionary and the list of marts
	@$(PY) -m dagster_project.contracts.documentation

.PHONY: superset-bundle
superset-bundle: $(RUNTIME) ## write Superset's files from bi/superset/definition.py and the published words
	@$(PY) -m bi.superset bundle

# Development first, so that the other locks are a part of it whatever a linter needs. The
# marker that every line would carry (this Python, these systems) is left out.
COMPILE := $(PY) -m uv pip compile pyproject.toml --universal --python-version 3.11 --quiet \
    --generate-hashes --no-emit-index-url --no-emit-find-links --upgrade
COMMON_MARKER := ; python_full_version < '3.12' and platform_python_implementation == 'CPython' and (sys_platform == 'darwin' or sys_platform == 'linux')
# The packages of the second lock that are not in the first.
ADDED := awk '/^[a-z0-9].*==/ { split($$0, name, "=="); known = name[1] in first; \
    if (NR == FNR) first[name[1]] } NR > FNR && !known'
.PHONY: lock
lock: $(DEV) ## choose the newest versions within pyproject.toml's bounds and lock them
	@export UV_CUSTOM_COMPILE_COMMAND="make lock" \
	    && $(COMPILE) --extra dev $(EXTRAS:%=--extra %) -o $(VENV)/dev.new \
	    && $(COMPILE) --constraint $(VENV)/dev.new -o $(VENV)/runtime.new \
	    && for extra in $(EXTRAS) spark; do \
	        $(COMPILE) --constraint $(VENV)/dev.new --extra $$extra -o $(VENV)/$$extra.new; done
	@for lock in dev runtime $(EXTRAS) spark; do \
	    sed -i.old -e "s/ $(COMMON_MARKER) / /" -e '/-c .*dev.new/d' $(VENV)/$$lock.new; done
	@cp $(VENV)/runtime.new requirements.lock
	@cp $(VENV)/dev.new requirements-dev.lock
	@for extra in $(EXTRAS) spark; do \
	    $(ADDED) requirements.lock $(VENV)/$$extra.new > requirements-$$extra.lock; done
	@for alone in bench docs superset; do UV_CUSTOM_COMPILE_COMMAND="make lock" $(PY) -m uv pip compile \
	    requirements-$$alone.in --universal --python-version 3.11 --quiet --generate-hashes --upgrade \
	    --no-emit-index-url --no-emit-find-links -o $(VENV)/$$alone.new \
	    && sed "s/ $(COMMON_MARKER) / /" $(VENV)/$$alone.new > requirements-$$alone.lock; done
	@rm -f $(VENV)/*.new $(VENV)/*.new.old
	@echo "wrote requirements*.lock; now: make check"

.PHONY: hooks
hooks: $(DEV) ## run the linters at every commit
	@$(PY) -m pre_commit install

.PHONY: clean
clean: ## remove what tools left behind; keep .venv, the warehouse and the publications
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis build dbt/target dbt/logs logs
	@find dagster_project tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

.PHONY: clean-all
clean-all: clean ## also remove .venv (the next command installs it again)
	@rm -rf $(VENV) $(SUPERSET_VENV)

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
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	    echo "Python 3.11 is needed, and there is no '$(PYTHON)' here." >&2; \
	    echo "  mend:  install Python 3.11, or name it: make run PYTHON=/path/to/python3.11" >&2; \
	    exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
	    echo "Python 3.11 is needed; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." >&2; \
	    echo "  mend:  make run PYTHON=/path/to/python3.11" >&2; \
	    exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { \
	    echo "The environment $(VENV) could not be made." >&2; \
	    echo "  mend:  Debian and Ubuntu keep this module apart: apt-get install python3.11-venv" >&2; \
	    exit 1; }
	@touch $@

$(RUNTIME): requirements.lock $(VENV_MADE)
	@$(call install,requirements.lock,$@)

$(EXTRAS:%=$(VENV)/requirements-%.lock) $(SPARK): $(VENV)/requirements-%.lock: requirements.lock requirements-%.lock $(VENV_MADE)
	@$(call install,requirements.lock requirements-$*.lock,$@)
	@cp requirements.lock $(RUNTIME)

# The development lock holds every package of the others in the same version, so a project
# that has it needs no second install.
$(DEV): requirements-dev.lock $(VENV_MADE)
	@$(call install,requirements-dev.lock,$@)
	@cp requirements.lock $(RUNTIME)
	@for extra in $(EXTRAS); do \
	    cat requirements.lock requirements-$$extra.lock > $(VENV)/requirements-$$extra.lock; done
