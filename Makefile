# Two commands: `make demo` shows one call all the way, `make test` proves it. The rest is for people who work on Mingjian.
PYTHON ?= python3
CALL ?= e2e/calls/c01_broadband_complaint.wav
META ?=
OWN = wire chassis testkit client devstack
MEMBERS = $(wildcard libs/*/pyproject.toml services/*/pyproject.toml)
SOURCES = libs services e2e charts/tests conftest.py

.PHONY: setup demo up test check proto lock bench images
setup:
	@$(PYTHON) libs/devstack/bootstrap.py

demo: setup
	@.venv/bin/mingjian demo --call '$(CALL)' --meta '$(META)'

up: setup
	@.venv/bin/mingjian up

test: check
	@.venv/bin/python -m pytest -q

check: setup
	@.venv/bin/ruff check $(SOURCES)
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-cache
	@.venv/bin/python -m pytest -q libs/wire

bench: setup
	@.venv/bin/mingjian bench

images: setup
	@.venv/bin/python -m devstack.images --check $(IMAGES)

proto: setup
	@.venv/bin/python libs/wire/generate.py

# The lock holds pins and hashes, never where they were downloaded.
lock: setup
	@.venv/bin/uv pip compile -q --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --python-version 3.11 --group dev \
	  $(addprefix --no-emit-package ,$(OWN)) -o requirements.lock pyproject.toml $(MEMBERS)
