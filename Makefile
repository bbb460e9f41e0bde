# The entry point for people and CI. `make` alone prints the help.
# DEMO=rest_demo selects one demo, ONLY=double_click one experiment, RUNTIME=native|docker the runtime.
door := @sh nexus/door.sh

.PHONY: help
help: ## Print this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile
	@echo "  DEMO=rest_demo selects one demo, ONLY=double_click one experiment, RUNTIME=native|docker the runtime."

.PHONY: up
up: ## Start everything, or add one demo: make up DEMO=rest_demo
	$(door) up

.PHONY: down
down: ## Stop everything, or one demo with DEMO=; data is kept
	$(door) down

.PHONY: status
status: ## Show what runs, and where
	$(door) status

.PHONY: logs
logs: ## Follow the logs
	$(door) logs

.PHONY: reset
reset: ## Stop everything, delete all data, start again
	$(door) reset

.PHONY: doctor
doctor: ## Find problems before they happen, and how to fix them
	$(door) doctor

.PHONY: lab
lab: ## Run the experiments against real servers, print one table, save the results
	$(door) lab

.PHONY: bench
bench: ## Time the solutions against alternatives, as ratios: make bench DEMO=rest_demo
	$(door) bench

.PHONY: contract
contract: ## Test rest_demo against its OpenAPI schema and Postman collection; SEED=… repeats a run
	$(door) contract

.PHONY: chaos
chaos: ## Kill the processes that handle queue_demo's orders, count what was lost; DURATION=60, SEED=… repeats a run
	$(door) chaos

.PHONY: readme
readme: ## Fill the tables of all pages from results and code
	$(door) readme

.PHONY: docs
docs: ## Check docs/, run its commands, build .run/docs/site/; ONLY=build or ONLY=blocks for one half
	$(door) docs

.PHONY: claims
claims: ## Fail if a page differs from its results, or a new measurement breaks a claim
	$(door) claims

.PHONY: test
test: ## Test everything against real servers, started for it; SLOW=1 adds the slow tests
	$(door) test

.PHONY: nightly
nightly: ## Run the tests that take too long for CI
	$(door) nightly

.PHONY: upcoming
upcoming: ## Test everything with the next Django
	$(door) upcoming

.PHONY: lint
lint: ## Check format, types, Dockerfile, compose file, workflows, shell, committed keys, prose
	$(door) lint

.PHONY: shape
shape: ## Run the tests that start no server: structure, imports, documents, workflows
	$(door) shape

.PHONY: planted
planted: ## Plant one fault at a time in a copy, show which check fails; ONLY=… one fault
	$(door) planted

.PHONY: commits
commits: ## Check the commit messages since BASE=origin/main
	$(door) commits

.PHONY: changed
changed: ## Show which demos the commits since BASE=origin/main touch
	$(door) changed

.PHONY: secrets
secrets: ## Search every committed line for keys
	$(door) secrets

.PHONY: audit
audit: ## Compare the pinned packages with known vulnerabilities; needs network
	$(door) audit

.PHONY: images
images: ## Build all images, check their size and user; IMAGE_CACHE=folder
	$(door) images

.PHONY: smoke
smoke: ## Smoke-test the running stack
	$(door) smoke

.PHONY: edge
edge: ## Test the edge of the running stack: errors, ids, CORS, slow and malformed clients; ONLY=… one test
	$(door) edge

.PHONY: token
token: ## Sign an access token for every service, for 8 hours: make token USER=customer (or staff, or admin)
	$(door) token "$(if $(filter command% override,$(origin USER)),$(USER))"

.PHONY: copy
copy: ## Copy a pattern and its test: make copy PATTERN=outbox TO=../my-project [AS=common.outbox]
	$(door) copy "$$PATTERN" "$$TO" "$$AS"

.PHONY: lock
lock: ## Pin new requirements with hashes in constraints.txt; UPGRADE=1 upgrades all
	$(door) lock
