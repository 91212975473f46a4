# Targets are thin: the Python code in include/stack does the work. `make` alone lists the targets.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
HISTOFLOW_HOME ?= $(CURDIR)/.histoflow
HISTOFLOW_ENVS ?= $(HISTOFLOW_HOME)/envs
export HISTOFLOW_HOME HISTOFLOW_ENVS

# Arguments of the targets: make demo ARCHIVE=… SPLIT=split.csv PARTITION=2026-10; make up SERVICES=aws; make logs SERVICES=scheduler
ARCHIVE ?=
SPLIT ?=
PARTITION ?=
SERVICES ?=
WORKERS ?= 4
SITE ?= $(HISTOFLOW_HOME)/site
MWAA ?= build/mwaa
WHEEL ?= build/wheel

UV := $(HISTOFLOW_ENVS)/bootstrap/bin/uv
BOOTSTRAP := $(HISTOFLOW_ENVS)/bootstrap/histoflow-ready
BUILD := PYTHONPATH=include $(HISTOFLOW_ENVS)/bootstrap/bin/python -m stack.environments
STACK := PYTHONPATH=include $(HISTOFLOW_ENVS)/airflow/bin/python -m stack
DEV := $(HISTOFLOW_ENVS)/dev/bin
MKDOCS := $(HISTOFLOW_ENVS)/docs/bin/mkdocs
INSTALLED := $(HISTOFLOW_ENVS)/airflow/bin/python
STATE := $(addprefix $(HISTOFLOW_HOME)/,airflow api aws logs run site test)

# Tests have a home of their own and ignore the environment of a running stack.
TEST := unset MAKEFLAGS MFLAGS $$(env | grep -oE '^(AWS|AIRFLOW|HISTOFLOW)_[A-Z0-9_]*'); \
  export HISTOFLOW_HOME='$(HISTOFLOW_HOME)/test' HISTOFLOW_ENVS='$(HISTOFLOW_ENVS)';

# Most tests wait for something: twice as many workers as cores keep two cores busy.
PYTEST = $(DEV)/python -m pytest --numprocesses $(WORKERS)

.DEFAULT_GOAL := help
.PHONY: help demo up down status runtimes logs env test test-slow test-fast test-exhaustive test-embedded-aws test-compose check lint types bench docs docs-serve \
  wheel mwaa clean lock compose-env system-packages environments test-environments client-environments docs-environments node-environment

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */\1\t/' | sed 's/\$$\$$/$$/' | expand -t 18

demo: environments  ## Run the whole pipeline for real and show its results [ARCHIVE=path, SPLIT=split.csv, PARTITION=2026-10]
	@$(STACK) demo --archive '$(ARCHIVE)' --split '$(SPLIT)' --partition '$(PARTITION)'

up: environments  ## Start the embedded AWS, Airflow and the REST API [SERVICES=aws]
	@$(STACK) up $(SERVICES)

# Targets that look at a stack or stop it install nothing.
down:  ## Stop everything; state is kept
	@if [ -x '$(INSTALLED)' ]; then $(STACK) down $(SERVICES); fi

status: $(INSTALLED)  ## Show processes, addresses and the latest runs
	@$(STACK) status

logs: $(INSTALLED)  ## Follow the logs of all services [SERVICES=scheduler]
	@$(STACK) logs $(SERVICES)

env: environments  ## Print the variables that point an AWS client here: eval "$$(make -s env)"
	@$(STACK) env

test: lint types client-environments node-environment  ## Run every test, the linter and the type checker [WORKERS=4]
	@$(TEST) $(PYTEST) -m 'not compose'

test-slow: client-environments node-environment  ## Run the slow tests only: they start real services or train for real
	@$(TEST) $(PYTEST) -m 'slow and not compose'

test-exhaustive: test-environments  ## Run all cases of the tests that otherwise run a sample of them
	@$(TEST) $(PYTEST) --exhaustive -m 'not compose'

test-embedded-aws: test-environments  ## Run the tests of the embedded AWS only
	@$(TEST) $(PYTEST) tests/embedded_aws

test-compose: test-environments  ## Build the images, run docker-compose.yaml and the pipeline in it (needs Docker)
	@$(TEST) $(DEV)/python -m pytest -m compose

test-fast: test-environments  ## Run the quick tests only: they start no service
	@$(TEST) $(PYTEST) -m 'not slow'

check: lint types test-fast  ## Lint, check types, run the quick tests

lint: test-environments
	@$(DEV)/ruff check .
	@$(DEV)/ruff format --check --quiet .
	@PYTHONPATH=include:plugins $(DEV)/lint-imports --no-logo --no-cache

types: test-environments
	@$(DEV)/mypy

bench: test-environments  ## Run the benchmarks
	@set -e; $(TEST) for file in $(wildcard benchmarks/*.py); do PYTHONPATH=include:plugins:tests:tests/embedded_aws $(DEV)/python $$file; done

docs: docs-environments  ## Build the documentation site, warnings are errors [SITE=folder]
	@NO_MKDOCS_2_WARNING=1 $(MKDOCS) build --strict --site-dir '$(SITE)'
	@echo "documentation: $(SITE)/index.html"

docs-serve: docs-environments  ## Serve the documentation at http://127.0.0.1:8000 and rebuild it when a file changes
	@NO_MKDOCS_2_WARNING=1 $(MKDOCS) serve --dev-addr 127.0.0.1:8000

wheel: test-environments  ## Build the embedded AWS as a wheel [WHEEL=folder]
	@copy=$$(mktemp -d); trap 'rm -rf "$$copy"' EXIT; cp -r include/embedded_aws "$$copy"; \
	  $(UV) build --quiet --wheel --no-build-isolation --python $(DEV)/python -o '$(WHEEL)' "$$copy/embedded_aws"
	@ls '$(WHEEL)'/embedded_aws-*.whl

runtimes: $(INSTALLED)  ## Write the runtimes and the policy that follow from the variants
	@$(STACK).runtimes

mwaa:  ## Build the files for Amazon MWAA: requirements.txt, plugins.zip and dags/ [MWAA=folder]
	@'$(PYTHON)' deploy/mwaa/build.py '$(MWAA)'

clean:  ## Stop everything, then remove all state and the environments
	@if [ -x '$(INSTALLED)' ]; then $(STACK) down; fi
	@for folder in $(STATE) '$(HISTOFLOW_ENVS)'; do \
	  if [ -e "$$folder" ]; then echo "removing $$folder"; rm -rf "$$folder"; fi; \
	done

$(INSTALLED):
	@$(MAKE) --no-print-directory environments

environments: $(BOOTSTRAP)
	@$(BUILD) airflow mxnet tensorflow embedded-aws serving sagemaker-sdk

test-environments: $(BOOTSTRAP)
	@$(BUILD) airflow mxnet tensorflow embedded-aws serving sagemaker-sdk docs dev

# Other AWS clients that slow tests run against the embedded AWS, each with its own dependencies.
client-environments: $(BOOTSTRAP)
	@$(BUILD) sagemaker-sdk3 awscli

# The site's reference is made from the code, in the environments the code runs in. npm installs Mermaid.
docs-environments: $(BOOTSTRAP)
	@$(BUILD) airflow serving docs dev
	@PYTHONPATH=include $(DEV)/python -m stack.node mermaid

# Postman's command line and a checker of accessibility for the slow tests of the REST API; Mermaid for the site's.
node-environment: test-environments
	@PYTHONPATH=include $(DEV)/python -m stack.node node mermaid

$(BOOTSTRAP): requirements/bootstrap.txt
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { \
	  echo "error: Python 3.11 not found (MXNet has no wheels for later ones). Install it, or run make with PYTHON=<its path>." >&2; exit 1; }
	@echo "environment bootstrap: building" >&2
	@rm -rf '$(HISTOFLOW_ENVS)/bootstrap'
	@'$(PYTHON)' -m venv '$(HISTOFLOW_ENVS)/bootstrap'
	@'$(HISTOFLOW_ENVS)/bootstrap/bin/pip' install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch '$@'

lock: $(BOOTSTRAP)  ## Resolve requirements/*.in into hashed locks [LOCK=--upgrade]
	@cd requirements && for name in bootstrap embedded-aws mxnet tensorflow airflow airflow-cluster serving docs dev sagemaker-sdk sagemaker-sdk3 awscli; do \
	  echo "locking $$name"; \
	  UV_PYTHON_DOWNLOADS=never $(UV) pip compile -q --python '$(PYTHON)' --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-annotate --no-header $(LOCK) $$name.in -o $$name.txt || exit 1; \
	done

compose-env: $(BOOTSTRAP)  ## Make the .env of docker-compose.yaml, with generated secrets
	@PYTHONPATH=include $(HISTOFLOW_ENVS)/bootstrap/bin/python -m stack.compose_env

# Without Chromium the tests of pages are skipped, unless CI is set; nothing else needs it.
system-packages:  ## Install the two shared libraries MXNet needs, and Chromium for tests (Debian, Ubuntu)
	@missing=; \
	if ! { ldconfig -p | grep -q libgomp.so.1 && ldconfig -p | grep -q libquadmath.so.0; }; then missing='libgomp1 libquadmath0'; fi; \
	if ! command -v chromium >/dev/null; then missing="$$missing chromium"; fi; \
	if [ -z "$$missing" ]; then echo "system packages: nothing is missing"; else \
	  $(if $(filter 0,$(shell id -u)),,sudo )sh -c "apt-get update -q && apt-get install -q -y $$missing"; \
	fi
