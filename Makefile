# What a person types; the work is in scripts/. Each target installs what it lacks, and says so.
SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help playground test test-quick test-e2e test-packets test-kube record-apiserver fuzz-oracle fuzz mutants build web npm install setup bench bench-agent fmt lint clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

playground: ## Build the playground, serve it on this machine and print its address (PORT=8787)
	@scripts/playground.sh

test: ## Run all tests: format, lints, crates, npm package, page in Chromium, dependencies
	@scripts/test.sh

test-quick: ## Run format, lints and tests of the native crates only
	@scripts/test.sh quick

test-e2e: ## Drive the page in Chromium
	@scripts/test-e2e.sh

test-packets: ## Send packets through the node agent's rules, as root: N random probes (N=5000, FIRST=0)
	@PROBES=$(or $(N),5000) FIRST=$(or $(FIRST),0) scripts/test-packets.sh

test-kube: ## Test against a real API server, which is built first (needs Go)
	@scripts/test-kube.sh

record-apiserver: ## Ask a real API server again about every manifest of the agreement test (needs Go)
	@scripts/build-kube.sh
	@echo "==> Asking the API server (seconds, once the recorder is built)"
	@cargo run -q -p portcullis-kube -- record

fuzz-oracle: ## Compare the engine with the oracle on N random clusters from seed FIRST (N=20000, FIRST=0)
	@scripts/setup.sh rust
	@echo "==> Comparing engine and oracle (a minute per 3000 clusters, once they are built)"
	@cargo run --release -q -p portcullis-oracle -- $(or $(N),20000) $(or $(FIRST),0)

fuzz: ## Fuzz a TARGET (read, compile, json) for SECONDS (TARGET=read, SECONDS=60)
	@scripts/fuzz.sh $(or $(TARGET),read) $(or $(SECONDS),60)

mutants: ## Change a MODULE of the engine in small ways; do tests notice? (MODULE=verdict, SHARD=0/4)
	@scripts/mutants.sh $(or $(MODULE),verdict) $(SHARD)

build: ## Build the command with optimisation: target/release/portcullis
	@scripts/setup.sh rust
	@echo "==> Building the command (about two minutes the first time)"
	@cargo build --release -p portcullis

web: ## Build the playground into dist/
	@scripts/build-web.sh

npm: ## Build the npm package into wasm/pkg/
	@scripts/build-npm.sh

install: ## Install the command for this user, by cargo
	@scripts/setup.sh rust
	@echo "==> Installing the command portcullis (about two minutes)"
	@cargo install --path cli --locked

setup: ## Install everything that the builds and the tests need
	@scripts/setup.sh rust node lint e2e web deny packets
	@echo "==> Everything is there"

bench: ## Print the table of benchmarks, natively and in Node, then criterion's history
	@scripts/bench.sh

bench-agent: ## Measure the node agent with an API server and packets, as root (OPTIONS=--help)
	@scripts/bench-agent.sh $(OPTIONS)

fmt: ## Format all Rust code
	@scripts/setup.sh lint
	@cargo fmt --all

lint: ## Run rustfmt's check and clippy on the native crates
	@scripts/setup.sh lint
	@cargo fmt --all --check
	@cargo clippy --workspace --all-targets -- -D warnings

clean: ## Remove what was built, and the npm packages; installed tools stay
	@cargo clean
	@rm -rf dist wasm/pkg web/js/dist web/js/dist-* scripts/npm/node_modules web/js/node_modules tests/e2e/node_modules wasm/tests/node_modules wasm/tests/bundlers/node_modules
