# `make help` prints the targets. `make check test` is the whole ritual; `./deploy/test` does it from a bare machine.
.DEFAULT_GOAL := help
SOURCES := Sources Tests Package.swift scripts/fast.swift Benchmarks/Package.swift Benchmarks/Sources
PYTHON := .local/venv/bin/python

# The end-to-end tests that CI runs.
END_TO_END := Tests/Limiter Tests/EndToEnd Tests/Money Tests/Upgrade $(wildcard $(addprefix Tests/Hardening/, \
	test_p10*.py test_s0[1-7]*.py test_s1[567]*.py test_s25*.py test_s3*.py))

.PHONY: help build binaries format check-format check fast unit e2e end-to-end test run psql redis-cli logs bench profile soak faults fuzz \
	hardening growth

help: ## Print this
	@grep --extended-regexp '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand --tabs=16

build: ## Build everything, tests included, in the one configuration there is
	swift build --configuration release --build-tests

binaries:
	swift build --configuration release

format: ## Format the source in place
	swift format --in-place --recursive --parallel $(SOURCES)

check-format:
	swift format lint --strict --recursive --parallel $(SOURCES)

check: check-format ## Check format, imports, links, tidiness, words, doc comments, scripts, documents and metrics (build first)
	scripts/check-imports.sh
	scripts/check-links.sh
	scripts/check-tidy.sh
	scripts/check-words.sh
	scripts/check-doc-comments.sh
	scripts/check-shell.sh
	scripts/check-documents.sh
	scripts/check-metrics.sh

fast: ## Build the targets without packages of others in debug, and run their tests: seconds after the first time (FILTER=WalkSimulation: those)
	FILTER="$(FILTER)" scripts/fast.sh

# --skip-build: `swift test` would build everything a second time, with testability we do not use.
unit: build ## Run the unit tests (FILTER=WalkSimulation: those that match)
	swift test --configuration release --skip-build --disable-xctest $(if $(FILTER),--filter "$(FILTER)")

e2e: binaries ## Run the end-to-end tests of the files that match FILTER, such as FILTER=test_cache or FILTER="test_limits per_day" (needs ./deploy/test once)
	scripts/e2e.sh $(FILTER)

end-to-end: build ## Run the simulation of the limiter, the end-to-end tests, the money property and the attacks on the real binaries (needs ./deploy/test once)
	$(PYTHON) -m pytest $(END_TO_END) --quiet --durations=10 -p no:cacheprovider

test: unit end-to-end ## Run all tests

run: ## Run the gateway
	./deploy/run

psql: ## Open the database of the gateway that runs
	@scripts/services.sh psql

redis-cli: ## Open the state Redis of the gateway that runs, as the control plane (REDIS=cache: the cache)
	@REDIS="$(REDIS)" scripts/services.sh redis-cli

logs: ## Follow the logs of the gateway that runs (SERVICE="redis-state postgres": those)
	@scripts/services.sh logs $(SERVICE)

bench: build ## Measure the worker beside nginx (15 minutes on a quiet machine; needs nginx; AT=COMMIT: overload beside that commit's worker)
	swift build --configuration release --package-path Benchmarks
	AIHUB_AT_BINARIES=$(if $(AT),$$(scripts/build-at.sh $(AT))) $(PYTHON) Benchmarks/bench.py
	AIHUB_AT_BINARIES=$(if $(AT),$$(scripts/build-at.sh $(AT))) $(PYTHON) Benchmarks/bench.py --overload --output Benchmarks/.build/results/overload

profile: binaries ## Watch a worker under load with perf (Debian: linux-perf): flame graph and report in Benchmarks/.build/profile
	swift build --configuration release --package-path Benchmarks
	$(PYTHON) Benchmarks/profile.py

soak: build ## Load a worker for 30 minutes with callers who leave and callers who do not read
	$(PYTHON) Tests/EndToEnd/soak.py --minutes 30

faults: build ## Kill, stop, wipe and cut everything, with production's time constants and the clock judged; then a marathon (hours; SEED=3 or SEED=1,2; GROUP=redis, W, R7b, limiter or marathon: that part)
	SEED="$(SEED)" GROUP="$(GROUP)" scripts/faults.sh

hardening: build ## Attack the gateway with every row of Tests/Hardening (AT=COMMIT: each must be red on that commit first)
	scripts/hardening.sh $(AT)

fuzz: ## Fuzz the parsers for 10 minutes each (scripts/fuzz.sh 5 is what CI does)
	scripts/fuzz.sh 600

growth: ## Count instructions for everything that repeats, up to the largest bodies that are taken (an hour; scripts/growth.sh 8 is what CI does)
	scripts/growth.sh
