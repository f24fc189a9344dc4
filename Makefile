# demo: solve a differential equation and draw it    test: everything that must pass before a merge
# bench: the benchmarks                              lint: format, clippy and shell syntax only

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
DEMO := runs/demo
# Recorded in each run's env.json. Not set for tests, which would be rebuilt with each commit.
REVISION = $(shell git describe --always --dirty --abbrev=40 --exclude='*' 2>/dev/null)

.PHONY: demo test bench lint adapter

demo: adapter
	FIELDLINE_REVISION='$(REVISION)' $(CARGO) build --release
	rm -rf $(DEMO)
	$(TARGET)/release/fieldline solve burgers --out $(DEMO)
	@echo 'Figures:'
	@ls $(DEMO)/plots/*.png

test: adapter lint
	$(CARGO) test
	CARGO='$(CARGO)' sh tools/devices.sh
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --no-deps

bench: adapter
	FIELDLINE_REVISION='$(REVISION)' $(CARGO) bench --profile dev --bench '*'

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	sh -n tools/adapter.sh
	sh -n tools/devices.sh
	bash -n .ci/run

adapter:
	@sh tools/adapter.sh
