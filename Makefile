# Two commands matter to a newcomer: make demo and make test.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
# The public key that signs releases; the maintainers' builds carry it.
RELEASE_KEY ?=
LDFLAGS := -s -w -buildid= -X parley.example/parley/internal/cli.Version=$(VERSION) -X parley.example/parley/internal/cli.ReleaseKey=$(RELEASE_KEY)
# The race detector needs a C compiler; where there is none, tests run without it.
# It does not look into libraries that compute alone: SQLite under it takes five
# times as long as all of Parley.
UNWATCHED := modernc.org/sqlite/lib github.com/klauspost/compress/... github.com/oasisprotocol/curve25519-voi/... github.com/nyaruka/phonenumbers crypto/internal/fips140/...
RACE := $(shell command -v gcc >/dev/null 2>&1 && echo -race $(UNWATCHED:%=-gcflags=%=-race=false))
# What plays with one thread, or in processes of its own, runs without it.
ALONE := ./internal/sim ./internal/cli
FUZZTIME ?= 1m
CHROMIUM ?= /usr/bin/chromium

.PHONY: demo build console test unit race browser kill ha soak faults fuzz fuzz-quick reproducible deb deb-test drills release lint bench setup-console setup-browser setup-postgres clean

# demo sets up, builds, plays the story and leaves three nodes running.
demo: console
	$(MAKE) build
	bin/parley demo $(DEMO)

# build leaves bin/parley; it needs no Node. Without a console bundle the
# binary says how to make one.
build:
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o bin/parley ./cmd/parley

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
	$(MAKE) reproducible
	$(MAKE) fuzz-quick
	$(MAKE) unit

# kill runs real nodes that are killed at random points for KILLTIME.
KILLTIME ?= 5m
kill:
	go test ./internal/cli -run TestKilledNodes -v -timeout 60m -args -kill $(KILLTIME)

# ha kills the primary of a Patroni cluster of three under load, HA times.
HA ?= 3
ha:
	@command -v patroni >/dev/null && command -v etcd >/dev/null || { echo "installing Patroni and etcd from the system's packages"; \
	  S=; [ "$$(id -u)" = 0 ] || S=sudo; $$S apt-get update -qq && $$S env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq patroni etcd-server postgresql >/dev/null; }
	go test ./internal/cli -run TestPrimaryDies -v -timeout 30m -args -ha $(HA)

# soak works real nodes with everything on for SOAKTIME: what they use must stay flat.
SOAKTIME ?= 1h
soak:
	go test ./internal/cli -run TestSoak -v -timeout 0 -args -soak $(SOAKTIME)

# faults are the long forms of what make test tries in seconds.
faults: kill
	go test ./internal/cli -run TestCrowd -v -timeout 30m -args -idle 10000 -active 1000

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

# fuzz runs every target of testdata/fuzz.txt for FUZZTIME; fuzz-quick those with a count
# before them, for so many inputs. What widens coverage is minimised and kept in Go's
# cache, and is where the next run begins; what fails is kept under testdata/fuzz, for the
# tests to repeat. A busy machine may miss the end of FUZZTIME ("context deadline
# exceeded"): that is no finding.
fuzz:
	@$(call fuzzing,.,$(FUZZTIME),60s)

fuzz-quick:
	@$(call fuzzing,^[0-9],$$runs,10x)

fuzzing = set -e; grep -v '^\#' testdata/fuzz.txt | grep '$(1)' | while read -r runs pkg target what; do \
	  echo "$$pkg $$target: $$what"; \
	  go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(2) -fuzzminimizetime $(3) $$pkg >$(FUZZOUT) 2>&1 </dev/null || \
	    { grep -q 'context deadline exceeded' $(FUZZOUT) && ! grep -q 'Failing input' $(FUZZOUT); } || { cat $(FUZZOUT); exit 1; }; \
	  grep 'execs' $(FUZZOUT) | tail -1; done; rm -f $(FUZZOUT)
FUZZOUT := $(shell mktemp -u /tmp/parley-fuzz-XXXXXX)

# reproducible builds once more, from another folder, and compares: same source, same bytes.
reproducible: build
	@d=$$(mktemp -d) && trap 'rm -rf $$d' EXIT && git ls-files -zco --exclude-standard | tar -c --null --files-from - | tar -x -C $$d && cp -R console/dist $$d/console/ && \
	  $(MAKE) --no-print-directory -s -C $$d build VERSION='$(VERSION)' RELEASE_KEY='$(RELEASE_KEY)' && cmp bin/parley $$d/bin/parley && echo "two builds, the same bytes: $$(sha256sum < bin/parley | cut -c1-64)"

# deb leaves a Debian package in bin/. It is dated as the newest commit.
EPOCH := $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
ARCH ?= $(shell go env GOARCH)
PACKAGE_VERSION ?= 0~$(shell git log -1 --format=%cd --date=format:%Y%m%d%H%M%S 2>/dev/null || echo 0)
deb: build
	@rm -rf bin/package && mkdir -p bin/package/man
	SOURCE_DATE_EPOCH=$(EPOCH) go run -trimpath -ldflags '$(LDFLAGS)' ./tools/manpages bin/package/man && gzip -9n bin/package/man/*
	@bin/parley completion bash >bin/package/parley.bash && bin/parley completion zsh >bin/package/_parley && bin/parley completion fish >bin/package/parley.fish && bin/parley sbom >bin/package/sbom.json
	go build -C tools/nfpm -o $(CURDIR)/bin/package/nfpm github.com/goreleaser/nfpm/v2/cmd/nfpm
	ARCH=$(ARCH) PACKAGE_VERSION=$(PACKAGE_VERSION) SOURCE_DATE_EPOCH=$(EPOCH) bin/package/nfpm package --config deploy/nfpm.yaml --packager deb --target bin/parley_$(PACKAGE_VERSION)_$(ARCH).deb

# deb-test installs the package into a root of its own, starts it, upgrades and removes it.
deb-test:
	bash deploy/debian/try

# drills play disasters with real nodes: see docs/operations.md.
drills: build
	PARLEY=$(CURDIR)/bin/parley bash deploy/drills/all

# release signs what make deb left: make release VERSION=v1 RELEASE_SIGNER=FILE
release: deb
	@test -n '$(RELEASE_SIGNER)' || { echo "make release: name the key file: RELEASE_SIGNER=FILE (go run ./tools/release key FILE NAME makes one)" >&2; exit 1; }
	cp bin/package/sbom.json bin/sbom.json
	go run ./tools/release sign --key $(RELEASE_SIGNER) $(VERSION) $$(git rev-parse HEAD) bin/parley bin/sbom.json bin/parley_$(PACKAGE_VERSION)_$(ARCH).deb >bin/release.txt

# bench runs every benchmark, one after another, and writes what they printed and one
# table of the goals: bench/results/VERSION.txt and .md. BENCH chooses some of them
# (a pattern of go test -bench; make wants $$ for $).
BENCH ?= .
bench:
	@mkdir -p bench/results
	go test -run '^$$' -bench '$(BENCH)' -benchmem -timeout 3h ./... | tee bench/results/$(VERSION).txt
	@go run ./bench/table -commit $(VERSION) < bench/results/$(VERSION).txt > bench/results/$(VERSION).md
	@cat bench/results/$(VERSION).md

clean:
	rm -rf bin bench/results console/dist/assets console/dist/*.html console/dist/*.br
