# The one door, for people and for CI. `make` alone prints the help.
# DEMO=rest_demo selects one demo, ONLY=double_click one experiment, RUNTIME=native|docker the runtime.
door := @sh nexus/door.sh

.PHONY: help
help: ## Print this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile
	@echo "  DEMO=rest_demo selects one demo, ONLY=double_click one experiment, RUNTIME=native|docker the runtime."

.PHONY: up
up: ## Start everything, or with DEMO= one demo more; with Docker where there is one, natively otherwise
	$(door) up

.PHONY: down
down: ## Stop everything, or with DEMO= what only that demo needs; data stays
	$(door) down

.PHONY: status
status: ## What runs, and where
	$(door) status

.PHONY: logs
logs: ## Follow the logs
	$(door) logs

.PHONY: reset
reset: ## Stop, forget all data, start with a fresh seed
	$(door) reset

.PHONY: doctor
doctor: ## Find what would go wrong, and how to mend it
	$(door) doctor

.PHONY: lab
lab: ## Run the experiments against real servers, print one table, keep the results
	$(door) lab

.PHONY: bench
bench: ## Time the solutions against the alternatives, as ratios: make bench DEMO=rest_demo
	$(door) bench

.PHONY: contract
contract: ## Hold rest_demo against its OpenAPI schema and its Postman collection; SEED=… repeats a run
	$(door) contract

.PHONY: chaos
chaos: ## Kill whatever handles queue_demo's orders, then count what was lost; DURATION=60, SEED=… repeats a run
	$(door) chaos

.PHONY: readme
readme: ## Render the tables of the READMEs from the results
	$(door) readme

.PHONY: docs
docs: ## Check docs/, run its commands, build it as a site: .run/docs/site/index.html; ONLY=build or ONLY=blocks for one half
	$(door) docs

.PHONY: claims
claims: ## Fail when a README differs from its results, or a fresh measurement breaks a claim
	$(door) claims

.PHONY: test
test: ## Test everything against real servers, started and stopped for it; SLOW=1 the slow tests too
	$(door) test

.PHONY: nightly
nightly: ## The tests that take too long for CI
	$(door) nightly

.PHONY: upcoming
upcoming: ## Test everything with the next Django, over the pins
	$(door) upcoming

.PHONY: lint
lint: ## Format, types, Dockerfile, compose, workflows, shell, committed keys, prose
	$(door) lint

.PHONY: shape
shape: ## The tests that start nothing: rooms, arrows, documents, workflows
	$(door) shape

.PHONY: planted
planted: ## Plant one fault at a time in a copy, and show which target turns red; ONLY=… one fault
	$(door) planted

.PHONY: commits
commits: ## Are the messages of the commits since BASE=origin/main conventional?
	$(door) commits

.PHONY: changed
changed: ## Which demos did the commits since BASE=origin/main touch?
	$(door) changed

.PHONY: secrets
secrets: ## Look for keys in every line that was ever committed
	$(door) secrets

.PHONY: audit
audit: ## Compare the pinned packages with the known vulnerabilities; needs the network
	$(door) audit

.PHONY: images
images: ## Build all images, and hold them against their budget: megabytes, and no root; IMAGE_CACHE=folder
	$(door) images

.PHONY: smoke
smoke: ## Smoke-test the running stack
	$(door) smoke

.PHONY: edge
edge: ## Hold the edge of the running stack: errors, ids, CORS, slow and malformed clients; ONLY=… one test
	$(door) edge

.PHONY: token
token: ## Sign an access token for every service, for 8 hours: make token USER=customer (or staff, or admin)
	$(door) token "$(if $(filter command% override,$(origin USER)),$(USER))"

.PHONY: copy
copy: ## Copy a pattern and its test: make copy PATTERN=outbox TO=../my-project [AS=common.outbox]
	$(door) copy "$$PATTERN" "$$TO" "$$AS"

.PHONY: lock
lock: ## Pin what the requirements.txt newly need, with hashes, in constraints.txt; UPGRADE=1 takes the newest of all
	$(door) lock
