# Everything that is done to this checkout. `make` alone prints the list.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# Tests start hundreds of processes; each would compile all modules anew, a third of its start.
unexport PYTHONDONTWRITEBYTECODE

# An optimized Python makes everything twice as fast; .ci/python looks for one.
PYTHON ?= $(shell .ci/python)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Where `make run` keeps its instance, and how it is made when there is none.
INSTANCE ?= instance
INIT ?=
# More words for pytest: make test PYTEST='-k scp -x'
PYTEST ?=
# How many tests with servers of their own run side by side; 0: one after the other, in one process.
JOBS ?= 3
# Where tests start servers, and wait for them. Tests elsewhere run in one process beside these:
# three quarters of all, which take a second of a core for each fifty.
SERVERS := $(addprefix tests/,attacks benchmarks cli contracts daemon interop system transfers)
ROOMS := $(filter-out $(SERVERS) tests/fakes,$(patsubst %/,%,$(wildcard tests/[a-z]*/)))
# Real clients and servers that the tests drive: command:package.
NEEDED := sftp:openssh-client sshd:openssh-server lftp:lftp curl:curl rclone:rclone \
	unzip:unzip bsdtar:libarchive-tools 7zz:7zip \
	wget:wget litmus:litmus cadaver:cadaver chromium-headless-shell:chromium-headless-shell nginx:nginx-light \
	/usr/lib/nginx/modules/ngx_http_dav_ext_module.so:libnginx-mod-http-dav-ext \
	/usr/lib/nginx/modules/ngx_stream_module.so:libnginx-mod-stream \
	/usr/sbin/haproxy:haproxy /usr/sbin/apache2:apache2-bin \
	ncftpput:ncftp testssl:testssl.sh psftp:putty-tools dbclient:dropbear-bin \
	node:nodejs npm:npm git:git gcc:gcc /usr/include/stdio.h:libc6-dev \
	/etc/pam.d/login:login useradd:passwd /usr/sbin/slapd:slapd \
	/usr/sbin/rsyslogd:rsyslog /usr/share/doc/rsyslog-gnutls/copyright:rsyslog-gnutls \
	/usr/sbin/mariadbd:mariadb-server-core /usr/share/doc/postgresql/copyright:postgresql \
	postfix:postfix saslpasswd2:sasl2-bin \
	/usr/sbin/clamd:clamav-daemon openssl:openssl keepalived:keepalived ip:iproute2 systemd-analyze:systemd \
	microsocks:microsocks tinyproxy:tinyproxy-bin eatmydata:eatmydata
# No test cuts the power, so that none needs what it wrote to be on the disk: that the server syncs
# is seen by its calls. Disks of build machines take a tenth of a second for each of thousands.
UNSYNCED := eatmydata
# How often `make fuzz` goes over everything, each time with another seed.
ROUNDS ?= 20

.PHONY: help
help: ## Print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: install
install: $(STAMP) ## Make .venv and install mft into it

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is missing; install Python 3.11 or later" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "make: $(PYTHON) is older than 3.11; set PYTHON=... to a newer one" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || .ci/packages python3-venv
	$(PYTHON) -m venv $(VENV)

$(STAMP): requirements.lock pyproject.toml | $(BIN)/python
	@# Most modules of these are never used, so that only those of the server are compiled now: an
	@# account that runs it need not be able to write here. uv does in ten seconds what takes pip a
	@# minute, but knows nothing of how pip is set up on this machine.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9' \
	  && $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --requirement requirements.lock \
	  || $(BIN)/python -m pip install --quiet --no-compile --no-deps --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -c 'import mft.daemon.service'
	@touch $@

.PHONY: lock
lock: install ## Write requirements.lock: the newest versions that pyproject.toml allows
	$(BIN)/python -m pip install --quiet --upgrade --upgrade-strategy eager setuptools '.[test,dev]'
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	{ echo "# Exact versions of everything that is installed; made by \`make lock\`."; \
	  $(BIN)/python -m pip freeze --all --exclude-editable --exclude pip --exclude uv --exclude mft; } > requirements.lock
	touch $(STAMP)

.PHONY: run
run: install ## Run a server here; makes an instance first when there is none
	@if [ ! -e $(INSTANCE)/conf/server.ini ]; then $(BIN)/mft init $(INSTANCE) $(INIT); \
	else echo "The instance is $(INSTANCE)/; its account and ports are in $(INSTANCE)/conf/server.ini."; fi
	@exec $(BIN)/mft run -c $(INSTANCE)/conf/server.ini

.PHONY: packages
packages:
	@.ci/packages $(NEEDED)

# A client of tus, with its exact versions, for those tests that drive it.
TUS_JS := tests/interop/tus_js/node_modules/.package-lock.json

$(TUS_JS): tests/interop/tus_js/package-lock.json | packages
	cd $(<D) && npm ci --silent --ignore-scripts --no-audit --no-fund

.PHONY: test
test: install packages $(TUS_JS) ## Run all tests, real clients included
ifeq ($(PYTEST),)
	@$(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,--jobs=2) test-servers test-rooms
else
	$(UNSYNCED) $(BIN)/python -m pytest --quiet $(SIDE_BY_SIDE) -m "not bench" $(PYTEST)
endif

SIDE_BY_SIDE = --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder --max-worker-restart 0

.PHONY: test-servers
test-servers:
	@# One process compiles the tests for all of them.
	@$(BIN)/python -m pytest --quiet --collect-only -m "not bench" $(SERVERS) > /dev/null
	$(UNSYNCED) $(BIN)/python -m pytest --quiet $(SIDE_BY_SIDE) -m "not bench" $(SERVERS)

.PHONY: test-rooms
test-rooms:
	$(UNSYNCED) $(BIN)/python -m pytest --quiet -m "not bench" $(ROOMS)

.PHONY: check
check: format-check lint docs-current ## Everything that must hold before a change is taken
	@# Side by side, but only behind docs-current, which writes files that tests read.
	@$(MAKE) --no-print-directory --jobs=2 types test

.PHONY: format
format: install ## Format the source
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix --select I .

.PHONY: format-check
format-check: install
	$(BIN)/ruff format --check .

.PHONY: lint
lint: install ## Look for mistakes and bad habits
	$(BIN)/ruff check .

.PHONY: types
types: install ## Check types, strictly
	$(BIN)/mypy

.PHONY: laws
laws: install ## Check the rules of the house: layers, names, documents
	$(BIN)/python -m pytest --quiet tests/laws $(PYTEST)

.PHONY: interop
interop: install packages ## Run real clients against the server
	$(BIN)/python -m pytest --quiet -m interop $(PYTEST)

.PHONY: fuzz
fuzz: install ## Feed the codecs far more than `make test` does
	for round in $$(seq $(ROUNDS)); do \
	  $(BIN)/python -m pytest --quiet -m fuzz --hypothesis-seed=$$RANDOM $(PYTEST); done

.PHONY: bench
bench: install packages ## Measure beside other servers; writes docs/design/performance.md
	$(BIN)/python -m pytest --quiet -m bench tests/benchmarks
	$(BIN)/python -m tests.benchmarks $(BENCH)

.PHONY: pictures
pictures: install packages ## Take the guide's pictures of the web pages anew
	$(BIN)/python -m tests.interop.pictures

.PHONY: docs
docs: install ## Write the generated references and conf/server.full.ini
	@$(BIN)/mft reference all --write

.PHONY: docs-current
docs-current: docs
	@git diff --exit-code --stat -- docs/reference conf/server.full.ini \
		|| { echo "make: the generated files above were old; they are written now: commit them" >&2; exit 1; }

.PHONY: news
news: install ## Fold docs/changes/ into docs/changes.md: make news VERSION=1.0
	@$(BIN)/python docs/changes/fold.py $(VERSION)

.PHONY: clean
clean: ## Remove what was built; the instance stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage build *.egg-info
	find mft tests -name __pycache__ -prune -exec rm -rf {} +
