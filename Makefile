# `make` alone lists the targets.
#
#   make run ARGS="--port 9000"        further arguments of `parley serve`
#   make run-cluster ARGS="--nodes 3"  further arguments of scripts/run_cluster.py
#   make bench ARGS="…"                further arguments of `parley bench`; bench-push and bench-cluster too
#   make test ONLY="swift crash"       some of the steps: swift, checks, crash, contract, socket, examples, push, page, terminal, engines,
#                                      engine-contracts, cluster-crash, cluster-contract, cluster-socket, cluster-examples, bench
#   make engines-up ENGINES_FOLDER=/var/tmp/engines ENGINES_PORT=19500      another set of servers
#   make torture ROUNDS=500 SECONDS=3600 SEED=7
#   make torture-cluster ROUNDS=20 NODES=3 SECONDS=3600 SEED=7 ALSO=/path/to/another/version/parley

SHELL := /bin/bash
SOURCES := Package.swift $(wildcard Sources Tests Benchmarks Examples)
PYTHON := .build/venv/bin/python

ARGS ?=
ONLY ?=
ROUNDS ?= 500
SECONDS ?= 0
SEED ?=
NODES ?= 3
# Read by scripts/engines.py; from the environment too.
export ENGINES_FOLDER ENGINES_PORT

.DEFAULT_GOAL := help
.PHONY: run run-cluster test torture torture-cluster bench bench-push bench-cluster build fuzz engines-up engines-down engines-status format lint clean help

run: build ## Build for release and serve, with everything that is missing installed first
	@exec .build/release/parley serve $(ARGS)

run-cluster: build ## Start the four engines and two nodes on this machine, and say where to chat
	@scripts/setup.sh --engines
	@$(PYTHON) scripts/run_cluster.py $(ARGS)

test: ## Run all tests: Swift's; crashes, API contract, sockets, push and the demo page against the real binary, embedded and as a cluster; the engines
	@scripts/setup.sh --tests || { echo "0 passed, 1 failed"; exit 1; }
	@$(PYTHON) scripts/test.py $(ONLY)

torture: build ## Kill and restart a release build ROUNDS times, for at most SECONDS, drawn from SEED
	@scripts/setup.sh --tests
	@$(PYTHON) Tests/Crash/crash_test.py --binary .build/release/parley \
		--rounds $(ROUNDS) --seconds $(SECONDS) --seed "$(SEED)" --rate 1000 --longest-life 4

torture-cluster: build ## Kill and hang the nodes of a cluster and its engines for ROUNDS, for at most SECONDS, drawn from SEED
	@scripts/setup.sh --tests
	@$(PYTHON) Tests/Crash/cluster_crash_test.py --binary .build/release/parley \
		$(if $(ALSO),--also $(ALSO)) --nodes $(NODES) --rounds $(if $(filter file,$(origin ROUNDS)),10,$(ROUNDS)) --seconds $(SECONDS) --seed "$(SEED)" --rate 200

bench: build ## Measure a release build and print the table of docs/PERFORMANCE.md
	@exec .build/release/parley bench $(ARGS)

bench-push: build ## Measure notifications through the push worker to stand-ins for APNs, FCM and Web Push
	@exec .build/release/parley bench --push $(ARGS)

bench-cluster: build ## Measure two nodes on four engines of their own, beside a service without batches
	@scripts/setup.sh --engines
	@$(PYTHON) scripts/bench_cluster.py $(ARGS)

build: ## Build the release binary, .build/release/parley, with the Swift runtime in it
	@scripts/setup.sh
	@swift build -c release --static-swift-stdlib --product parley

fuzz: ## Feed the frame and command decoders with libFuzzer for SECONDS (60 when not said), from Tests/Fuzz/corpus
	@scripts/setup.sh
	@PARLEY_FUZZ=1 swift build --scratch-path .build-fuzz --product parley-fuzz
	@mkdir -p .build-fuzz/found
	@.build-fuzz/debug/parley-fuzz -max_total_time=$(if $(filter-out 0,$(SECONDS)),$(SECONDS),60) -max_len=4096 \
		-artifact_prefix=.build-fuzz/found/ .build-fuzz/found Tests/Fuzz/corpus

engines-up: ## Start MongoDB, PostgreSQL, Redis and RabbitMQ in ENGINES_FOLDER (.build/engines) and print their URLs
	@scripts/setup.sh --engines
	@$(PYTHON) scripts/engines.py up

engines-down: ## End the engines of ENGINES_FOLDER, and nothing else; their data stays
	@python3 scripts/engines.py down

engines-status: ## Say which engines of ENGINES_FOLDER run, where, and how much memory they take
	@python3 scripts/engines.py status

format: ## Lay out all Swift files as .swift-format says
	@swift format --in-place --parallel --recursive $(SOURCES)

lint: ## Say which Swift files are not laid out as .swift-format says
	@swift format lint --strict --parallel --recursive $(SOURCES)

clean: ## Remove everything that was built, and the engines in .build/engines with their data
	@[ ! -d .build/engines ] || ENGINES_PORT= python3 scripts/engines.py --folder .build/engines down
	@rm -rf .build .build-fuzz

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile
