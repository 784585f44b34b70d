# `make` alone prints this list.

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -X main.version=$(VERSION)
GO      ?= go

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

.DEFAULT_GOAL := help
.PHONY: help run build opencv test lint fuzz soak screenshot clean

help: ## print this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## install what is missing, build, and run with cameras.yaml
	@deploy/packages.sh run
	@$(MAKE) --no-print-directory build opencv
	bin/supervisor -config cameras.yaml

build: ## build bin/supervisor, bin/relay and bin/grabber; only the grabber needs libraries: GStreamer and libjpeg-turbo
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/supervisor ./cmd/relay
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/grabber

opencv: ## build bin/grabber-opencv, for opencv: cameras: needs OpenCV
	@deploy/packages.sh run
	$(GO) build -trimpath -tags opencv -ldflags '$(LDFLAGS)' -o bin/grabber-opencv ./cmd/grabber

test: ## install what is missing for tests, and run them all
	@deploy/packages.sh test
	node --test web/test/
	$(GO) test -race -tags opencv -timeout 15m ./...

lint: ## check form and find mistakes without running anything
	@unformatted=$$(gofmt -l cmd pkg web e2e); [ -z "$$unformatted" ] || { echo "gofmt would change: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags opencv ./...
	$(GO) run $(STATICCHECK) -tags opencv ./...
	$(GO) run $(STATICCHECK) ./...

fuzz: ## feed every parser random input, FUZZTIME each (default 20s)
	.ci/fuzz $(or $(FUZZTIME),20s)

soak: ## half an hour with cameras that are killed and brought back at random (MINUTES=30)
	@deploy/packages.sh test
	$(GO) test -tags 'opencv soak' -run TestSoak -v -count=1 -timeout 3h ./e2e/ -minutes $(or $(MINUTES),30)

screenshot: ## make docs/screenshot.png anew, with the shipped cameras.yaml
	@deploy/packages.sh test
	$(GO) test -tags 'opencv screenshot' -run TestScreenshot -count=1 ./e2e/

clean: ## remove what was built
	rm -rf bin
