# make help lists what there is.

PEERS := $(or $(BELAY_PEERS_DIR),$(HOME)/.cache/belay/peers)
LINT := $(PEERS)/bin/golangci-lint
VERSION := $(or $(shell git describe --tags --always --dirty 2>/dev/null),devel)
BUILD := CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)'

# The version is stamped above, and git may refuse to be asked in a directory
# of another user's.
export GOFLAGS := $(GOFLAGS) -buildvcs=false

# The race detector needs a C compiler; RACE= leaves it out. It does not watch
# inside the SQLite library, which has one user at a time and takes eight
# times as long when it is watched; and tests need not wait a second before they
# end, as they do for the reports of others.
RACE := $(if $(shell command -v gcc clang 2>/dev/null),-race -gcflags=modernc.org/...=-race=false)
export GORACE := atexit_sleep_ms=0
TESTS := ./...
FUZZTIME := 5s

.DEFAULT_GOAL := build
.PHONY: build run peers test lint fmt fuzz clean help

build: ## build bin/belay
	$(BUILD) -o bin/belay ./cmd/belay

run: build ## build and start the server; ARGS adds flags
	bin/belay serve $(ARGS)

peers: ## install the servers and tools that the tests need
	e2e/peers/install

test: peers ## install what is needed, lint, run all tests; TESTS=./store/... for some
	$(MAKE) --no-print-directory lint
	go vet $(TESTS)
	go build -o bin/withpostgres ./e2e/peers/withpostgres
	bin/withpostgres go test $(RACE) -timeout 20m $(TESTS)

lint: ## run the linters
	e2e/peers/install tools
	$(LINT) run ./...

fmt: ## format the code as the linters want it
	e2e/peers/install tools
	$(LINT) fmt ./...

fuzz: ## run each fuzz test for FUZZTIME
	e2e/fuzz $(FUZZTIME)

clean: ## remove what was built here; what the peers need stays
	rm -rf bin

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
