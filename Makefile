# Two commands matter to a newcomer: make demo and make test.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
LDFLAGS := -s -w -X parley.example/parley/internal/cli.Version=$(VERSION)
# The race detector needs a C compiler; where there is none, tests run without it.
# It does not look into libraries that compute alone: SQLite under it takes five
# times as long as all of Parley.
UNWATCHED := modernc.org/sqlite/lib github.com/klauspost/compress/... github.com/oasisprotocol/curve25519-voi/... github.com/nyaruka/phonenumbers crypto/internal/fips140/...
RACE := $(shell command -v gcc >/dev/null 2>&1 && echo -race $(UNWATCHED:%=-gcflags=%=-race=false))
# What plays with one thread, or in processes of its own, runs without it.
ALONE := ./internal/sim ./internal/cli
FUZZTIME ?= 1m
CHROMIUM ?= /usr/bin/chromium

.PHONY: demo build console test unit race browser kill fuzz fuzz-quick lint bench setup-console setup-browser setup-postgres clean

# demo sets up, builds, plays the story and leaves three nodes running.
demo: console
	$(MAKE) build
	bin/parley demo $(DEMO)

# build leaves bin/parley; it needs no Node. Without a console bundle the
# binary says how to make one.
build:
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/parley ./cmd/parley

console: setup-console
	cd console && npm run --silent build

setup-console:
	@command -v npm >/dev/null || { echo "make console: Node.js and npm are needed for the console; make build works without them" >&2; exit 1; }
	@cmp -s console/package-lock.json console/node_modules/.parley-lock || { cd console && npm ci --no-audit --no-fund && cp package-lock.json node_modules/.parley-lock; }

# setup-browser installs Debian's Chromium for the browser tests.
setup-browser:
	@test -x $(CHROMIUM) || { echo "installing Chromium from the system's packages"; \
	  S=; [ "$$(id -u)" = 0 ] || S=sudo; $$S apt-get update -qq && $$S env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; }

# setup-postgres installs Debian's PostgreSQL, of which tests start servers of their
# own. Where it cannot be had, those tests say so and are skipped.
setup-postgres:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || { echo "installing PostgreSQL from the system's packages"; \
	  S=; [ "$$(id -u)" = 0 ] || S=sudo; $$S apt-get update -qq && $$S env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql >/dev/null; } || echo "PostgreSQL could not be installed: its tests are skipped"

# test sets up and runs every test; the Go tests come last, so that their
# closing lines are the last lines.
test: lint console browser setup-postgres
	$(MAKE) build
	$(MAKE) fuzz-quick
	$(MAKE) unit

# kill runs real nodes that are killed at random points for KILLTIME.
KILLTIME ?= 5m
kill:
	go test ./internal/cli -run TestKilledNodes -v -timeout 60m -args -kill $(KILLTIME)

lint:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt would change:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	CGO_ENABLED=0 go vet -trimpath ./...

unit:
	CGO_ENABLED=0 go test -trimpath -timeout 15m $(ALONE) # built as the binary is, so that nothing is compiled twice
	go test $(RACE) -timeout 20m $$(go list ./... | grep -v $(ALONE:./%=-e '/%$$'))

# race runs every Go test under the race detector.
race:
	go test $(RACE) -timeout 60m ./...

browser: console setup-browser
	$(MAKE) build # real nodes, which serve the console just built
	cd console && npm run --silent unit && npm run --silent browser

# fuzz runs every target of testdata/fuzz.txt for FUZZTIME; fuzz-quick those marked
# quick, briefly. What widens coverage is minimised and kept in Go's cache, and is where
# the next run begins; what fails is kept under testdata/fuzz, for the tests to repeat.
fuzz:
	@$(call fuzzing,.,$(FUZZTIME),60s)

fuzz-quick:
	@$(call fuzzing,^quick,2s,10x)

fuzzing = set -e; grep -v '^\#' testdata/fuzz.txt | grep '$(1)' | while read -r when pkg target what; do \
	  echo "$$pkg $$target: $$what"; \
	  go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(2) -fuzzminimizetime $(3) $$pkg >$(FUZZOUT) 2>&1 </dev/null || { cat $(FUZZOUT); exit 1; }; \
	  grep 'execs' $(FUZZOUT) | tail -1; done; rm -f $(FUZZOUT)
FUZZOUT := $(shell mktemp -u /tmp/parley-fuzz-XXXXXX)

bench:
	@mkdir -p bench/results
	go test -run '^$$' -bench . -benchmem ./... | tee bench/results/$(VERSION).txt

clean:
	rm -rf bin bench/results console/dist/assets console/dist/*.html console/dist/*.br
