# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Requires make and Python >= 3.11 with venv and pip; `make setup` installs the rest into .venv.
# Everything else is written to build/.

.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

# Another interpreter: make PYTHON=/path/to/python3. Each name is run once, because a shim can exist and fail.
# Our own .venv is ignored, even if it is active.
SYSTEM_PATH := $(subst $(CURDIR)/.venv/bin:,,$(PATH))
PYTHON ?= $(shell PATH="$(SYSTEM_PATH)"; \
	for python in python3.14 python3.13 python3.12 python3.11 python3; do \
	  "$$python" -c 'import sys, venv, ensurepip, pip; sys.exit(sys.version_info < (3, 11))' \
	    >/dev/null 2>&1 && { command -v "$$python"; break; }; \
	done)

# Options for pytest, the benchmark and others, and for ansible-test sanity.
ARGS ?=
SANITY ?=
# Processes for pytest.
WORKERS ?= auto
# For soak: the number of random cases, the time, or the seed of the cases to repeat.
CASES ?=
MINUTES ?=
SEED ?=

COPY := build/ansible_collections/improvmx/email
LINK := build/tree/ansible_collections/improvmx/email
TARBALL := build/improvmx-email-*.tar.gz
PYTEST := python -m pytest -n $(WORKERS) --dist worksteal
# What users get. Anything else in the tarball is missing from build_ignore in galaxy.yml.
SHIPPED := CHANGELOG.md CONTRIBUTING.md FILES.json LICENSE MANIFEST.json README.md SECURITY.md \
	changelogs docs meta playbooks plugins requirements.txt roles

export PATH := $(CURDIR)/.venv/bin:$(SYSTEM_PATH)
export UV_SYSTEM_CERTS := 1
export PYTHONUTF8 := 1
# ansible-core starts hundreds of times here; without its modules compiled, each start takes three times as long.
unexport PYTHONDONTWRITEBYTECODE
export HYPOTHESIS_STORAGE_DIRECTORY := $(CURDIR)/build/cache/hypothesis
# The user's own Ansible configuration and caches are neither read nor changed.
export ANSIBLE_HOME := $(CURDIR)/build/home/.ansible

.PHONY: help
help: ## show this list
	@echo "make [TARGET] [PYTHON=/path/to/python3] [ARGS='-k alias']"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-13s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: setup
setup: .venv/.ok ## install all tools into .venv

.venv/.ok: requirements.txt requirements-test.txt requirements-dev.txt
	@python='$(PYTHON)'; \
	test -n "$$python" || { \
	  echo "No Python >= 3.11 with venv and pip found (on Debian: python3-venv, python3-pip)." \
	    "Name one: make PYTHON=/path/to/python3" >&2; exit 1; }; \
	echo "== setup: install tools into .venv ($$("$$python" --version), $$python)"; \
	"$$python" -m venv --clear --without-pip .venv && \
	"$$python" -m pip --python .venv/bin/python install -q --disable-pip-version-check uv && \
	uv pip install -q -p .venv/bin/python -r requirements-dev.txt
	@touch $@

.PHONY: demo
demo: setup link ## run the collection against an emulated ImprovMX: dry run, run, second run, report
	@demo/run

# What it prints can be pasted into another terminal.
.PHONY: emulator
emulator: setup ## start an emulated ImprovMX to try an inventory with, until Ctrl-C; ARGS='--seed demo/account.json'
	@PYTHONPATH=tests python -m emulator --exports $(ARGS)

.PHONY: bench
bench: setup link ## measure the speed of the collection and of alternatives; ARGS=--quick for less, --role for the role only, --large for 20,000 domains
	@echo "== benchmark: some minutes; the table also goes to build/benchmark.md"
	@PYTHONPATH=tests python -m benchmark $(ARGS)

.PHONY: test
test: lint sanity build pytest ## run lint, sanity, build and all tests with one version of ansible-core; stop at the first failure

# The tarball is built once (-o build): the sanity tests in the background read it.
.PHONY: check
check: setup link build ## run every check, with all supported versions of ansible-core
	@echo "== tests with the other versions of ansible-core have started; their result follows below"
	@{ python tests/tools/cores.py sanity && python tests/tools/cores.py units && python tests/tools/cores.py preview; } \
	  >build/other-cores.log 2>&1 & others=$$!; \
	$(MAKE) -o build lint docs sanity importer ee molecule; code=$$?; \
	wait $$others || { cat build/other-cores.log >&2; exit 1; }; \
	test $$code = 0 || exit $$code; \
	echo "== tests with the other versions of ansible-core"; cat build/other-cores.log
	@$(MAKE) pytest

.PHONY: format
format: setup ## format the Python code, and fix what ruff can fix
	@ruff check -q --fix-only .
	@ruff format -q .

.PHONY: lint
lint: setup copy link ## check style, types, licences, YAML, ansible-lint, changelog, references in the documentation
	@echo "== ruff: style and format"
	@ruff check -q --output-format concise .
	@ruff format -q --check . || { echo "Run: make format" >&2; exit 1; }
	@echo "== mypy: types in plugins/ and in the packages of tests/"
	@MYPYPATH=build/tree mypy --no-error-summary --python-version 3.10 \
	  -p ansible_collections.improvmx.email.plugins
	@MYPYPATH=tests:build/tree mypy --no-error-summary -p emulator -p tools -p benchmark -p live
	@echo "== reuse: the licence of each file"
	@reuse --root $(COPY) lint -q || { reuse --root $(COPY) lint >&2; exit 1; }
	@echo "== yamllint"
	@cd $(COPY) && yamllint --strict .
	@echo "== ansible-lint: profile production"
	@cd $(COPY) && ANSIBLE_COLLECTIONS_PATH="$(CURDIR)/build" ansible-lint -q --offline --strict
	@echo "== antsibull-changelog: fragments and changelog"
	@antsibull-changelog lint
	@antsibull-changelog lint-changelog-yaml changelogs/changelog.yaml
	@echo "== antsibull-docs: options, values and links in the documentation"
	@cd $(COPY) && HOME="$(CURDIR)/build/home" antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck \
	  --validate-collection-refs=all .

.PHONY: sanity
sanity: setup copy ## run ansible-test sanity; SANITY='--test pylint' for one test
	@echo "== ansible-test sanity (the first run installs its own tools: about a minute)"
	@python tests/tools/sanity.py $(SANITY)

.PHONY: other-sanity
other-sanity: setup build
	@echo "== ansible-test sanity with the other versions of ansible-core"
	@python tests/tools/cores.py sanity

.PHONY: other-units
other-units: setup link
	@echo "== unit tests and some plays with the lowest or the highest version of ansible-core"
	@python tests/tools/cores.py units

.PHONY: preview
preview: setup link ## run some tests with the next ansible-core; a failure is reported and stops nothing
	@echo "== some tests with the next ansible-core"
	@python tests/tools/cores.py preview

# Tools that need environments of their own, because their requirements conflict with those of others.
build/cores/%/.ok: .venv/.ok requirements-%.txt
	@uv venv -q --clear -p '$(PYTHON)' $(@D)
	@uv pip install -q -p $(@D)/bin/python -r requirements-$*.txt
	@touch $@

.PHONY: importer
importer: setup build build/cores/importer/.ok ## check the tarball with Galaxy's importer
	@echo "== galaxy-importer"
	@python tests/tools/importer.py

.PHONY: docs
docs: setup copy build/cores/docs/.ok ## build the documentation as a website in build/site; warnings and dead links fail
	@echo "== docs: guides and reference as a website, without warnings or dead links"
	@python tests/tools/docs.py

.PHONY: molecule
molecule: setup build/cores/molecule/.ok ## run the scenario in extensions/molecule against the emulator
	@echo "== molecule: converge, idempotence, verify"
	@cd extensions && PATH="$(CURDIR)/build/cores/molecule/bin:$(PATH)" NO_COLOR=1 molecule test \
	  >../build/molecule.log 2>&1 || { cat ../build/molecule.log >&2; exit 1; }
	@grep actions= build/molecule.log

.PHONY: ee
ee: setup build build/cores/molecule/.ok ## check what an execution environment installs with the collection
	@echo "== ansible-builder: introspect the collection, create the context of the example"
	@python tests/tools/ee.py

.PHONY: live
live: setup link ## run the modules against the real service: DOMAIN=spare.example, key in IMPROVMX_API_KEY
	@PYTHONPATH=tests:build/tree python -m live $(if $(YES),--yes) $(ARGS) '$(DOMAIN)'

.PHONY: changelog
changelog: setup copy ## write the changelog of the version in galaxy.yml from the fragments
	@echo "== antsibull-changelog: release"
	@cd $(COPY) && ANSIBLE_COLLECTIONS_PATH="$(CURDIR)/build" HOME="$(CURDIR)/build/home" \
	  antsibull-changelog release --reload-plugins
	@cp $(COPY)/CHANGELOG.md . && cp $(COPY)/changelogs/changelog.yaml changelogs
	@rm -f changelogs/fragments/*.yml

.PHONY: release-check
release-check: setup build importer ## check whether the checkout can be released
	@echo "== release: version, changelog, tag"
	@python tests/tools/release.py

.PHONY: build
build: setup copy ## build the tarball in build/, and install it into build/installed
	@echo "== build: tarball, and its installation into build/installed"
	@rm -rf $(TARBALL) build/installed
	@ansible-galaxy collection build $(COPY) --output-path build >build/galaxy.log 2>&1 && \
	  ansible-galaxy collection install $(TARBALL) -p build/installed --offline >>build/galaxy.log 2>&1 || \
	  { cat build/galaxy.log >&2; exit 1; }
	@for name in $$(tar -tzf $(TARBALL) | cut -d/ -f1 | sort -u); do \
	  case " $(SHIPPED) " in *" $$name "*) ;; *) \
	    echo "$$name is in the tarball: add it to build_ignore in galaxy.yml, or to SHIPPED" >&2; exit 1;; \
	  esac; done
	@echo "  $$(ls $(TARBALL)), $$(tar -tzf $(TARBALL) | grep -c '[^/]$$') files"

.PHONY: pytest
pytest: setup link ## run unit, property and integration tests; ARGS=tests/unit/test_layers.py for one file
	@echo "== pytest: unit, property and integration tests"
	@$(PYTEST) $(ARGS)

.PHONY: unit
unit: setup link ## run the unit tests; ARGS='-k alias -x' or any other options of pytest
	@$(PYTEST) tests/unit $(ARGS)

.PHONY: integration
integration: setup link ## run the integration tests; ARGS='-k export'
	@$(PYTEST) tests/integration $(ARGS)

.PHONY: soak
soak: setup link ## run the property tests with new random cases; MINUTES=10, CASES=50000, or SEED=7 CASES=1000 to repeat
	@echo "== soak: rounds of random accounts, desired states and faults"
	@python tests/tools/soak.py --workers $(WORKERS) \
	  $(if $(CASES),--cases $(CASES)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

.PHONY: mutants
mutants: setup build/cores/mutants/.ok ## change the code in many small ways, and show the changes that no test notices; ARGS='plan --again'
	@echo "== mutation tests: about an hour; the diffs of survivors go to build/mutants"
	@PYTHONPATH=tests python -m tools.mutants $(ARGS)

.PHONY: clean
clean: ## remove build/, .venv and every cache
	@echo "== clean"
	@rm -rf build .venv .ansible .hypothesis tests/output
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The two forms of ansible_collections/improvmx/email: ansible-test and ansible-galaxy need a copy.
# For Python's imports a symlink is enough, and it is always up to date.
.PHONY: copy link
copy: setup
	@python tests/tools/tree.py >/dev/null
link:
	@mkdir -p $(dir $(LINK)) build/home
	@ln -sfn ../../../.. $(LINK)
