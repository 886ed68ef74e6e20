# What a newcomer needs: make run, make test.
.PHONY: help run test bench build deps test-deps fmt clean demo-image

DEMO_IMAGE := target/demo/demo-linux.qcow2
DEMO_ISO := target/demo/demo.iso
PYTHON := target/venv/bin/python
TEST_PARTS := VIREO_TEST_DEMO_IMAGE=$(abspath $(DEMO_IMAGE)) VIREO_TEST_DEMO_ISO=$(abspath $(DEMO_ISO)) VIREO_TEST_PYTHON=$(abspath $(PYTHON))
export CARGO_TERM_COLOR ?= auto

help:
	@echo "make run    installs what is missing, builds, and starts Vireo with a demo on https://localhost:8443"
	@echo "make test   installs what the tests need and runs all of them"
	@echo "make bench  measures, beside other programs; results in docs/benchmarks.md"

run: deps build demo-image
	@echo "Starting Vireo …"
	@VIREO_DEMO_IMAGE=$(abspath $(DEMO_IMAGE)) VIREO_DEMO_ISO=$(abspath $(DEMO_ISO)) exec target/release/vireo up --demo

deps:
	@sh tools/install-packages.sh build run

test-deps: deps
	@sh tools/install-packages.sh test

build: node_modules/.stamp
	@echo "Building (the first time takes some minutes) …"
	@cargo build --release --quiet

node_modules/.stamp: package-lock.json
	@echo "Fetching style sheets, fonts and the console's script …"
	@npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

demo-image: $(DEMO_IMAGE) $(DEMO_ISO)

$(DEMO_IMAGE) $(DEMO_ISO): demo/build-image.sh
	@sh demo/build-image.sh $@

target/venv/.stamp: tests/sdk/requirements.txt
	@echo "Installing oVirt's SDK for the tests …"
	@python3 -m venv target/venv
	@target/venv/bin/pip install --quiet --disable-pip-version-check -r tests/sdk/requirements.txt
	@touch $@

target/oidc/.stamp: tests/oidc/package.json tests/oidc/package-lock.json tests/oidc/idp.mjs
	@echo "Installing an OpenID provider for the tests …"
	@mkdir -p target/oidc
	@cp $^ target/oidc/
	@npm ci --prefix target/oidc --ignore-scripts --no-audit --no-fund --silent
	@touch $@

target/seal/README.fixed: tests/seal/build-appliance.sh
	@echo "Making what seals templates in the tests …"
	@sh tests/seal/build-appliance.sh target/seal

test: test-deps node_modules/.stamp demo-image target/venv/.stamp target/oidc/.stamp target/seal/README.fixed
	@echo "== format"
	@cargo fmt --check
	@echo "== clippy"
	@cargo clippy --quiet --all-targets -- -D warnings
	@echo "== unit tests, engine and store on SQLite"
	@cargo test --quiet --lib
	@echo "== the same on PostgreSQL"
	@sh tools/with-postgres.sh cargo test --quiet --lib engine::
	@echo "== integration tests: real guests, both databases, browser, SDK"
	@$(TEST_PARTS) sh tools/with-network.sh sh tools/with-postgres.sh cargo test --quiet --test it -- --skip browser --test-threads=2
	@echo "== browser"
	@$(TEST_PARTS) sh tools/with-network.sh cargo test --quiet --test it browser -- --test-threads=1

bench: test-deps node_modules/.stamp demo-image target/venv/.stamp
	@sh tools/install-packages.sh bench
	@cargo build --release --quiet
	@$(PYTHON) bench/run.py target/release/vireo $(abspath $(DEMO_IMAGE))
	@cargo bench --quiet --bench permissions --bench scheduler

fmt:
	@cargo fmt

clean:
	@rm -rf target node_modules
