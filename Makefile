# The commands of this repository. Each makes what it needs, .venv first.
PYTHON = .venv/bin/python
ARGS ?=

.DEFAULT_GOAL = help
.PHONY: run test bench bench-peers faults check docs lock help

run: ## Start everything on this machine and print the address; Ctrl-C ends it
	@scripts/venv
	@exec $(PYTHON) -m jobs.supervisor --with-parent

test: ## Run all tests; some of them: make test ARGS="tests/rules -x"
	@scripts/venv dev
	@scripts/parts
	@$(PYTHON) -m pytest -n auto --dist loadfile $(ARGS)

bench: ## Run the benchmarks and write docs/benchmarks.md; ARGS="--quick", ARGS="wake_up --sizes 1000"
	@scripts/venv dev
	@$(PYTHON) -m tests.bench $(ARGS)

bench-peers: ## Give the same wake-up to Temporal, DBOS, Celery and procrastinate; they live in .venv-peers
	@scripts/venv dev
	@scripts/venv peers
	@$(PYTHON) -m tests.bench.peers $(ARGS)

faults: ## Kill everything at random while mail goes out, and audit; ARGS="--seed 1" replays
	@scripts/venv dev
	@$(PYTHON) -m tests.faults $(ARGS)

check: ## Check style, types, floors and templates
	@scripts/venv dev
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy
	@$(PYTHON) .venv/bin/lint-imports
	@$(PYTHON) -m djlint --lint --quiet templates

docs: ## Write the pages and files that are made from the code
	@scripts/venv dev
	@$(PYTHON) -m campaigns.settings > .env.example
	@$(PYTHON) -m flask --app app docs
	@$(PYTHON) -m tests.channels.corpus

lock: ## Lock the newest versions that pyproject.toml allows
	@scripts/lock

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 13
