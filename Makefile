# Two commands do everything on a fresh machine with Rust, Python and a C compiler: make demo, make test.
# Nothing is installed outside this folder except the wasm32 target of the pinned Rust toolchain.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
CARGO  ?= cargo
# The built extension depends on every Rust source and on the protocol's data files.
RUST_SOURCES := $(shell find crates -name '*.rs' -o -name Cargo.toml 2>/dev/null) Cargo.toml Cargo.lock rust-toolchain.toml $(wildcard python/detent/protocol/*.toml)

.PHONY: help tools build demo test test-rust test-python lint fmt docs bench wheel clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s "$$(printf '\t')"

tools:
	@sh scripts/tools.sh "$(PYTHON)" "$(CARGO)"

$(VENV)/.ready: requirements-dev.lock | tools
	@echo "== environment"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/.built: $(VENV)/.ready $(RUST_SOURCES) pyproject.toml
	@echo "== build (the first one takes some minutes)"
	@. $(BIN)/activate && maturin develop -q --locked --profile dev
	@touch $@

build: $(VENV)/.built ## environment and extension

demo: build ## the main job: build, deploy and run a token on a durable chain
	@$(BIN)/detent demo

test: test-rust test-python ## all tests

test-rust: tools
	@echo "== Rust tests"
	@$(CARGO) test -q --locked --workspace

test-python: build
	@echo "== Python tests"
	@$(BIN)/python -m pytest -q

lint: build ## formatters, clippy, ruff, mypy, stubs
	@echo "== lints"
	@$(CARGO) fmt --all --check
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python scripts/stubs.py
	@$(CARGO) clippy -q --locked --workspace --all-targets -- -D warnings

fmt: build ## format everything
	@$(CARGO) fmt --all
	@$(BIN)/ruff check -q --fix . || true
	@$(BIN)/ruff format .

docs: build ## regenerate the tables in docs
	@$(BIN)/python scripts/tables.py

bench: build ## all benchmark suites
	@for suite in transfers calls python meters; do $(BIN)/detent bench $$suite || exit 1; done

wheel: $(VENV)/.ready ## release wheel in dist/
	@. $(BIN)/activate && maturin build --locked --release --out dist

clean: ## remove what was built here
	rm -rf target $(VENV) dist examples/target benchmarks/target sdk/rust/target
