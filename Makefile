# The few commands that this repository is worked with. `make` alone lists them.

GO      ?= go
# The checkers, pinned in .ci/tools.mod apart from the program's own dependencies.
TOOL    := $(GO) tool -modfile=.ci/tools.mod
SOURCES := $(shell git ls-files -co --exclude-standard '*.go')

.PHONY: help build test race lint bench backtest fuzz run generate golden clean

help:
	@echo "make build     build the program into bin/"
	@echo "make test      run all tests"
	@echo "make race      run all tests under the race detector (needs a C compiler)"
	@echo "make lint      vet, gofumpt, staticcheck, go.mod"
	@echo "make bench     measure the promised figures"
	@echo "make backtest  hold predicted training steps against 678 measured ones"
	@echo "make fuzz      fuzz every parser for FUZZTIME (default 30s) each"
	@echo "make run       simulate scenarios/shaoguan.yaml"
	@echo "make generate  write all generated files anew"
	@echo "make golden    write the golden files of all tests anew"

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/clustercap ./cmd/clustercap

test:
	$(GO) test ./...

race:
	$(GO) test -race ./...

lint:
	$(GO) vet ./...
	@unformatted="$$($(TOOL) gofumpt -l $(SOURCES))"; \
	if [ -n "$$unformatted" ]; then echo "not formatted by gofumpt:"; echo "$$unformatted"; exit 1; fi
	$(TOOL) staticcheck ./...
	$(GO) mod tidy -diff

# ns/event, bytes/chip, pop+push per second, a replica of shaoguan, the whole run; the
# cost of a year from 10,000 to 1,000,000 chips as docs/images/growth.png.
bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...
	$(GO) test -run '^$$' -bench Growth ./cmd/clustercap -growth-chart ../../docs/images/growth.png

backtest:
	@$(GO) run ./cmd/clustercap backtest sim/step/testdata/steps.csv

FUZZTIME ?= 30s
# go test fuzzes one target of one package at a time.
fuzz:
	@for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done

run:
	$(GO) run ./cmd/clustercap run scenarios/shaoguan.yaml

generate:
	$(GO) generate ./...

# Only packages that keep golden files know the flag -update.
golden:
	@for pkg in $$(git grep -l 'flag.Bool("update"' -- '*_test.go' | xargs -n1 dirname | sort -u); do \
		$(GO) test ./$$pkg -update || exit 1; \
	done

clean:
	rm -rf bin runs
