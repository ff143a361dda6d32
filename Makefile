# What a developer runs. Every target sets up what it needs: `make demo` and `make test` work in a fresh clone.
.DELETE_ON_ERROR:
.PHONY: demo test check unit e2e servers cluster cluster-down proto docs bench clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "warmroute needs Python 3.11 or newer; set PYTHON=python3.12, say" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "no venv module: install it (on Debian: apt-get install python3-venv)" >&2; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY)  ## three daemons, six images, twice: see the builds come home
	@$(BIN)/python -m examples.demo

test: check unit e2e  ## everything, on real servers

check: $(READY)  ## style, types, layers, circles, dead code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/vulture

unit: $(READY)
	$(BIN)/pytest -n 2 tests/unit tests/wire tests/fuzz

servers: $(READY)  ## build every server that the tests start, once
	$(BIN)/python -m tests.servers build

e2e: servers
	$(BIN)/pytest -n 2 --dist loadgroup tests/e2e

cluster: $(READY)  ## a one-node Kubernetes with three buildkitd pods, by hand
	$(BIN)/python -m tests.servers cluster-up

cluster-down: $(READY)
	$(BIN)/python -m tests.servers cluster-down

proto: $(READY)  ## write router/_proto again from proto/
	rm -f router/_proto/*_pb2.py router/_proto/*_pb2.pyi
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m grpc_tools.protoc -Irouter/_proto=proto --python_out=. --mypy_out=quiet:. proto/*.proto

docs: $(READY)  ## write the generated reference pages again
	$(BIN)/python -m docs.generate

bench: $(READY)  ## side by side with buildctl and buildx; takes some minutes
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
