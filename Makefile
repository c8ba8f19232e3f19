# `make help` lists the targets. Everything is installed into .venv; a second run skips what is done.
SHELL := /bin/bash
.ONESHELL:
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
PROMPT ?= function to validate email addresses
MODEL ?= Qwen/Qwen2.5-Coder-1.5B-Instruct
TEST_MODEL := Qwen/Qwen2.5-Coder-0.5B-Instruct

PROMETHEUS := $(BIN)/prometheus
CHROMIUM := $(BIN)/chromium
REDIS := $(BIN)/redis-server

# SGLang on a CPU, second half: without their CUDA dependencies. The first half is the extra `cpu` in pyproject.toml.
# The last of the three goes when SGLang publishes a CPU build of its kernels.
CPU_ENGINE := sglang==0.5.23 torchvision==0.28.0 ./deployments/sgl_kernel_cpu

# Tests that take the whole machine, one after the other; others are run on two cores.
ALONE := siege or cluster or engine or prometheus or browser or machines
SIDE_BY_SIDE := -n 2 --dist loadfile

.PHONY: help run test prepared tools machines check fix install schemas problems configs dashboards pictures image-check lock bench bench-gpu bench-gpu-scale clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(INSTALLED) ## Install, fetch the model, start the service, lift PROMPT, stop (first time 5-10 minutes)
	@$(BIN)/lift model fetch $(MODEL)
	$(BIN)/lift demo "$(PROMPT)"

test: prepared ## Every test that a machine without a GPU can run (about half an hour on two cores)
	@echo "Attacks on the jail, real Ray clusters and the real SGLang on the CPU follow."
	$(BIN)/pytest -q $(SIDE_BY_SIDE) -m "slow and not ($(ALONE))"
	$(BIN)/pytest -q --durations=10 -m "$(ALONE)"

# What the tests need is fetched while the code is checked: the one waits for the network, the other does not.
prepared: $(INSTALLED)
	@$(MAKE) --no-print-directory tools & tools=$$!
	trap 'kill $$tools 2>/dev/null || true' EXIT
	$(MAKE) --no-print-directory check
	wait $$tools

tools: $(PROMETHEUS) $(CHROMIUM) $(REDIS)
	@$(BIN)/lift model fetch $(TEST_MODEL)

machines: $(REDIS) ## Make this machine into several, and lose, drain and upgrade them under load (root, four minutes)
	@$(BIN)/pytest -q tests/cluster/test_nodes.py

check: $(INSTALLED) ## Format, lint, types, import contracts, the quick tests (a minute on two cores)
	@$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/pytest -q $(SIDE_BY_SIDE) -m "not (slow or $(ALONE))"

fix: $(INSTALLED) ## Format, and mend what lint can mend
	@$(BIN)/ruff format
	$(BIN)/ruff check --fix

install: $(INSTALLED) ## Install everything into .venv (2-3 minutes)

schemas: $(INSTALLED) ## Write schemas/json/ from the models
	@$(BIN)/python -m schemas.export

problems: $(INSTALLED) ## Write docs/problems.md from deployments/api/problems.py
	@$(BIN)/python -m deployments.api.problem_docs

configs: $(INSTALLED) ## Write cluster/serve.NAME.yaml and what cluster/k8s has of them, from deployments/configs
	@$(BIN)/python -m deployments.configs

dashboards: $(INSTALLED) ## Write cluster/grafana/ and the alerts of cluster/prometheus/ from deployments/observability
	@$(BIN)/python -m deployments.observability

pictures: $(CHROMIUM) ## Write docs/page/ with the page in a real Chromium and a scripted service behind it
	@$(BIN)/python -m tests.deployments.page.pictures

image-check: $(INSTALLED) ## Run each line of cluster/Dockerfile in a bare Debian, as root, with debootstrap (some GB, minutes)
	@$(BIN)/python -m tests.cluster.image_check $(or $(ROOT_FOLDER),/var/tmp/lift-image) --engine $(or $(ENGINE),cpu) $(if $(RECORD),--record $(RECORD)) $(MOUNTS)

lock: $(INSTALLED) ## Write constraints.txt from what is installed
	@$(BIN)/python -m pip freeze --exclude-editable | grep -vE '^(torch|torchvision|triton|sglang|lift-sgl-kernel-cpu)[ =]' > constraints.txt

bench: $(INSTALLED) ## Measure the graph's own cost, with a scripted engine (ten minutes)
	@$(BIN)/python -m loadtest.overhead

bench-gpu: $(INSTALLED) ## Measure on a GPU: cold start, variations, the graph, speculation (half an hour)
	@$(BIN)/python -m loadtest.gpu

bench-gpu-scale: $(INSTALLED) ## Measure services with 1, 2, 4 and 8 engines, as many as there are GPUs; SCALE="--only kill" for a part
	@$(BIN)/lift bench scale cluster/bench.graph.yaml --record gpu/scale $(SCALE)

clean: ## Remove .venv and caches (not the fetched models)
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: install Python 3.11 to 3.13"; exit 1; }
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { echo "$(PYTHON) is $$($(PYTHON) -V); Python 3.11 to 3.13 is needed: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo "the venv module is missing: apt-get install python3-venv"; rm -rf $(VENV); exit 1; }

# A real Prometheus for tests: the system's, or that of Debian's or Ubuntu's package, unpacked here, which needs no root.
# Of what the package asks for, the two programs need the C library only; the rest is pages for a browser.
$(PROMETHEUS): | $(INSTALLED)
	@if command -v prometheus >/dev/null && command -v promtool >/dev/null; then
		ln -sf "$$(command -v promtool)" "$$(command -v prometheus)" $(BIN)
		exit
	fi
	echo "Fetching Prometheus (Debian's package, 19 MB) ..."
	folder=$$(mktemp -d)
	trap 'rm -rf "$$folder"' EXIT
	fetch() { apt-get -qq -o APT::Sandbox::User=root download prometheus; }
	(cd "$$folder" && { fetch || { apt-get -qq update && fetch; }; } && dpkg-deb -x prometheus_*.deb .) \
		|| { echo "Prometheus could not be fetched: try 'apt-get update', or put prometheus and promtool 2.42 or newer on PATH"; exit 1; }
	install "$$folder/usr/bin/promtool" "$$folder/usr/bin/prometheus" $(BIN)

# A real browser for tests of the page: the system's, or Debian's package. With all its libraries, that takes root.
$(CHROMIUM): | $(INSTALLED)
	@found() { command -v chromium || command -v google-chrome; }
	if ! found >/dev/null; then
		echo "Installing Chromium (Debian's package, 100 MB) ..."
		install() { apt-get install -y -qq --no-install-recommends chromium >/dev/null; }
		{ install || { apt-get -qq update && install; }; } \
			|| { echo "Chromium could not be installed: run 'apt-get install chromium' as root, or put chromium on PATH"; exit 1; }
	fi
	ln -sf "$$(found)" $@

# A real Redis, and `ip`, for the test of several machines: the system's, or Debian's packages, which takes root. The server
# is in redis-tools too, under another name; the package redis-server would start one.
$(REDIS): | $(INSTALLED)
	@found() { command -v redis-server || command -v redis-check-rdb; }
	if ! { found && command -v ip; } >/dev/null; then
		echo "Installing Redis and iproute2 (Debian's packages, 5 MB) ..."
		install() { apt-get install -y -qq --no-install-recommends redis-tools iproute2 >/dev/null; }
		{ install || { apt-get -qq update && install; }; } \
			|| { echo "Redis could not be installed: run 'apt-get install redis-tools iproute2' as root"; exit 1; }
	fi
	ln -sf "$$(found)" $@

$(INSTALLED): pyproject.toml constraints.txt $(wildcard deployments/sgl_kernel_cpu/*) | $(VENV)/bin/python
	@echo "Installing into $(VENV): 3 GB, two to four minutes ..."
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[cpu,dev,loadtest]' -c constraints.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps $(CPU_ENGINE)
	touch $@
