# `make` alone prints this list.

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -X main.version=$(VERSION)
GO      ?= go

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
GOSEC       := github.com/securego/gosec/v2/cmd/gosec@v2.30.0
NFPM        := github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2
CYCLONEDX   := github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0

# The same source gives the same bytes, whatever the folder and whether or not it is a checkout.
BUILDFLAGS := -trimpath -buildvcs=false

# A grabber holds C, which a hostile camera may find a fault in: what it would jump to is at another address each time.
HARDENED := -buildmode=pie -ldflags '$(LDFLAGS) -extldflags=-Wl,-z,relro,-z,now'

# The folder of what is built.
BIN ?= bin

.DEFAULT_GOAL := help
.PHONY: help run build programs opencv program-opencv test attack bench lint lint-web vuln sbom fuzz soak chaos screenshots install uninstall deb clean

help: ## print this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## install what is missing, build, and run with cameras.yaml
	bin/supervisor -config cameras.yaml

build: ## install what is missing, build bin/supervisor and bin/relay in plain Go, and bin/grabber with GStreamer and libjpeg
	@deploy/packages.sh run
	@$(MAKE) --no-print-directory programs

programs: # what build builds, where all that it needs is there
	CGO_ENABLED=0 $(GO) build $(BUILDFLAGS) -ldflags '$(LDFLAGS)' -o '$(BIN)/' ./cmd/supervisor ./cmd/relay
	$(GO) build $(BUILDFLAGS) $(HARDENED) -o '$(BIN)/grabber' ./cmd/grabber

opencv: ## install what is missing, and build bin/grabber-opencv, for the cameras with a source opencv:…
	@deploy/packages.sh opencv
	@$(MAKE) --no-print-directory program-opencv

program-opencv: # likewise, what opencv builds
	$(GO) build $(BUILDFLAGS) $(HARDENED) -tags opencv -o '$(BIN)/grabber-opencv' ./cmd/grabber

test: ## install what is missing for tests, and run them all
	@deploy/packages.sh test
	node --test web/test/
	$(GO) test -race -tags opencv -timeout 30m -parallel 4 ./...
	cd deploy/check && $(GO) test -count=1 ./... # the cache does not see what they read

attack: ## attack a system on this machine at full size, and print what honest viewers notice
	@deploy/packages.sh run
	$(GO) test -tags attack -run TestAttackReport -v -count=1 -timeout 1h ./e2e/attack

bench: ## install what is missing for measurements, and take them all
	@deploy/packages.sh bench
	$(GO) run ./bench $(BENCHFLAGS)

lint: ## install what is missing, check form and find mistakes without running anything
	@deploy/packages.sh lint
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "gofmt would change: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags opencv ./...
	for tag in attack chaos screenshot soak; do $(GO) vet -tags $$tag ./e2e/... || exit; done
	$(GO) run $(STATICCHECK) -tags opencv ./...
	$(GO) run $(STATICCHECK) ./...
	cd deploy/check && $(GO) vet ./... && $(GO) run $(STATICCHECK) ./...
	.ci/gosec $(GOSEC)
	@$(MAKE) --no-print-directory lint-web

lint-web: # the page alone: types as its comments state them, and mistakes beyond types
	@$(MAKE) --no-print-directory web/node_modules/.installed
	cd web && node_modules/.bin/tsc -p .
	cd web && node_modules/.bin/tsc -p tsconfig.worker.json
	cd web && node_modules/.bin/tsc -p test
	cd web && node_modules/.bin/biome lint --error-on-warnings .

web/node_modules/.installed: web/package-lock.json
	@cd web && npm ci --ignore-scripts --fetch-retries=1 --loglevel=silent >/dev/null || { \
		echo "make lint needs the tools that web/package-lock.json names, and npm could not fetch them: is its registry in reach? (cd web && npm ci) says more" >&2; exit 1; }
	@touch $@

vuln: ## install what is missing, look for known vulnerabilities in what is linked, by the database at vuln.go.dev
	@deploy/packages.sh opencv
	@.ci/vuln $(GOVULNCHECK)

sbom: build ## write what the programs consist of into bin/sbom, as CycloneDX
	.ci/sbom bin/sbom $(CYCLONEDX)

fuzz: ## install what is missing, feed every parser random input, FUZZTIME each (default 20s)
	@deploy/packages.sh opencv
	.ci/fuzz $(or $(FUZZTIME),20s)

soak: ## half an hour of faults, or of switching: WHAT=Faults or Switching (default both), MINUTES=30
	@deploy/packages.sh test
	$(GO) test -tags 'opencv soak' -run "TestSoak$(WHAT)" -v -count=1 -timeout 3h ./e2e/ -minutes $(or $(MINUTES),30)

chaos: ## minutes of faults at random, and the figures of docs/reliability.md: MINUTES=5, SEED=1
	@deploy/packages.sh test
	$(GO) test -tags 'opencv chaos' -run TestChaosLong -v -count=1 -timeout 3h ./e2e/ -minutes $(or $(MINUTES),5) -seed $(or $(SEED),1)

screenshots: ## make the pictures of the documentation anew: docs/screenshot.png and docs/screenshots
	@deploy/packages.sh test
	$(GO) test -tags 'opencv screenshot' -run TestScreenshots -count=1 ./e2e/

install: ## install what make build has built as a service of this machine; PREFIX=/usr/local, DESTDIR=
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' deploy/install.sh install

uninstall: ## remove it again, but for configuration and state
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' deploy/install.sh uninstall

deb: build ## build the Debian package bin/linkstart_….deb, and linkstart-opencv_….deb where bin/grabber-opencv is there
	@deploy/packages.sh deb
	deploy/deb/build.sh '$(VERSION)' bin $(NFPM)

clean: ## remove what was built
	rm -rf bin
