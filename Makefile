# `make help` prints the targets. `make check test` is the whole ritual; `./deploy/test` does it from a bare machine.
.DEFAULT_GOAL := help
SOURCES := Sources Tests Package.swift Benchmarks/Package.swift Benchmarks/Sources
PYTHON := .local/venv/bin/python

.PHONY: help build format check-format check unit end-to-end test run bench soak faults fuzz hardening growth

help: ## Print this
	@grep --extended-regexp '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand --tabs=16

build: ## Build everything, tests included, in the one configuration there is
	swift build --configuration release --build-tests

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

# --skip-build: `swift test` would build everything a second time, with testability we do not use.
unit: build ## Run the unit tests
	swift test --configuration release --skip-build --disable-xctest

end-to-end: build ## Run the simulation of the limiter, the end-to-end tests, the money property and the attacks on the real binaries (needs ./deploy/test once)
	$(PYTHON) -m pytest Tests/Limiter Tests/EndToEnd Tests/Money Tests/Upgrade Tests/Hardening/test_p10*.py Tests/Hardening/test_s0[1-7]*.py Tests/Hardening/test_s1[567]*.py Tests/Hardening/test_s25*.py Tests/Hardening/test_s3*.py --quiet --durations=10 -p no:cacheprovider

test: unit end-to-end ## Run all tests

run: ## Run the gateway
	./deploy/run

bench: build ## Measure the worker beside nginx (15 minutes on a quiet machine; needs nginx; AT=COMMIT: overload beside that commit's worker)
	swift build --configuration release --package-path Benchmarks
	AIHUB_AT_BINARIES=$(if $(AT),$$(scripts/build-at.sh $(AT))) $(PYTHON) Benchmarks/bench.py
	AIHUB_AT_BINARIES=$(if $(AT),$$(scripts/build-at.sh $(AT))) $(PYTHON) Benchmarks/bench.py --overload --output Benchmarks/.build/results/overload

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
