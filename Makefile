# Two commands: `make demo` shows one call all the way, `make test` proves it. The rest is for people who work on Mingjian.
PYTHON ?= python3
MEMBERS = $(wildcard libs/*/pyproject.toml services/*/pyproject.toml)
OWN = wire chassis testkit client

.PHONY: setup demo up test check proto lock bench images
setup:
	@$(PYTHON) libs/devstack/bootstrap.py

proto: setup
	@.venv/bin/python libs/wire/generate.py

# No --emit-index-url: the lock holds pins and hashes, never where they were downloaded.
lock: setup
	.venv/bin/uv pip compile -q --universal --generate-hashes --no-header --no-annotate --python-version 3.11 --group dev \
	  $(addprefix --no-emit-package ,$(OWN)) -o requirements.lock pyproject.toml $(MEMBERS)
