# Every target installs what it lacks if it can (scripts/setup), and is quick when nothing is missing.

# rustup puts cargo here; a shell that was open before the installation does not know.
export PATH := $(PATH):$(HOME)/.cargo/bin

.PHONY: help demo test attacks test-versions test-packages test-deb deb bench soak pictures book clean
.DEFAULT_GOAL := help

help:
	@echo "make demo      build, and show the monitor on a disposable PostgreSQL (ARGS='--headless' and others go to it)"
	@echo "make test      check formatting and lints, and run every test on a real PostgreSQL"
	@echo "make attacks   try each attack in the variants and on the kinds of installations that make test leaves out (takes minutes)"
	@echo "make test-versions  run what needs no more than a bare server on PostgreSQL 13 to 18 (VERSIONS='13 18' chooses; needs npm)"
	@echo "make test-packages  try cargo install, and the Debian package of a debug build, on this machine (needs root)"
	@echo "make deb       make a Debian package in target/deb (the build takes minutes)"
	@echo "make test-deb  make the package, look it over, install it on this machine, try it and remove it again (needs root)"
	@echo "make bench     measure the latency of the screen, also over a slow link, the cost of a poll and what readers feel (takes minutes)"
	@echo "make soak      send ten million notifications and cut a hundred connections, and see whether memory holds"
	@echo "make pictures  take the pictures of README and docs anew, of the demo as it runs here"
	@echo "make book      make a site of docs/ in target/site (needs mdbook)"
	@echo "make clean     remove what was built"

demo:
	@scripts/setup demo
	cargo build --profile demo --bin refreshtop
	@./target/demo/refreshtop demo $(ARGS)

# Most tests wait for something, so twice as many run at once as there are cores; some watch the clock, so not more
# than four.
THREADS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); n=$$((2 * n)); [ $$n -gt 4 ] && n=4; echo $$n)

# The clusters of the tests make and drop a hundred thousand small files: in memory that costs half of the processor time.
test attacks test-versions: export TMPDIR := $(or $(TMPDIR),$(shell scripts/fast-tmp))

test:
	@scripts/setup test
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	scripts/run-tests $(THREADS)

attacks:
	@scripts/setup test
	cargo test --workspace --test attacks -- --test-threads=$(THREADS) --ignored

VERSIONS ?= 13 14 15 16 17 18

test-versions:
	@scripts/setup test
	THREADS=$(THREADS) scripts/test-versions $(VERSIONS)

# With what make test has built.
test-packages:
	@scripts/setup demo
	scripts/test-packages

# Slow to build, so it is no part of make test.
deb:
	@scripts/setup deb
	cargo build --profile dist --bin refreshtop --locked
	scripts/package-deb

test-deb: deb
	scripts/test-deb

# One after the other, on a machine that does nothing else. poll_cost and board_cost fill logs with ten million rows.
bench:
	@scripts/setup test
	cargo bench --bench latency --bench slow_link --bench readers --bench poll_cost --bench board_cost

# Minutes to an hour, by the machine.
soak:
	@scripts/setup test
	cargo bench --bench soak

pictures:
	@scripts/setup demo
	cargo build --bin refreshtop --example picture
	@./target/debug/examples/picture assets

# The pages link to files outside docs/, so the site has the folders of the repository.
book:
	mdbook build
	mkdir -p target/site/assets
	cp assets/*.svg assets/*.service target/site/assets
	cp config.example.toml target/site

clean:
	cargo clean
