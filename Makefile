# One verb a task; each makes .venv first if it is missing or out of date.
PYTHON ?= python3
BIN := .venv/bin
# What is imported is compiled then; of 2 GB most never is.
INSTALL := -m pip install --quiet --no-compile --constraint .ci/constraints.txt
RUN ?= $(shell ls -td runs/*/ 2>/dev/null | head -1)

.PHONY: help setup train test test-fast lint format evaluate leaderboard figures figures-quick reproduction tensorboard benchmark docs soak test-pythons test-gymnasium test-frameworks reference

help:
	@echo "make setup            install everything into .venv"
	@echo "make train            train DQN-RAO (Table I) and compare it with baselines"
	@echo "make tensorboard      show the training curves of all runs"
	@echo "make evaluate         compare the newest run, or RUN=directory, with baselines"
	@echo "make figures          draw the paper's Figs. 3-5 with the optimum"
	@echo "make figures-quick    preview them in minutes"
	@echo "make reproduction     write docs/reproduction.md from the figures' numbers"
	@echo "make leaderboard      play all policies on all benchmarks, for the README"
	@echo "make test             run the tests"
	@echo "make test-fast        run those that are not slow"
	@echo "make test-pythons     run those without torch on Python 3.12, 3.13, or VERSIONS"
	@echo "make test-gymnasium   run the environments' with the oldest Gymnasium allowed"
	@echo "make test-frameworks  run those with RLlib, Minari and moviepy (3 GB)"
	@echo "make soak             play 10^8 decisions in flat memory; kill and resume runs"
	@echo "                      100 times; lose 50 machines of Ray"
	@echo "make docs             build the site of docs/ into build/site"
	@echo "make reference        write what docs/reference has from the code"
	@echo "make lint             check style and types"
	@echo "make format           apply the style"
	@echo "make benchmark        measure speed beside rivals (.venv-rivals, 2.4 GB) and"
	@echo "                      memory; write docs/speed.md"

setup: .venv/installed

.venv/installed: pyproject.toml .ci/constraints.txt
	@echo "Installing all into .venv: minutes, 2 GB (over 6 where torch has CUDA)"
	$(PYTHON) -m venv .venv
	$(BIN)/python $(INSTALL) --editable ".[train,dev]"
	touch $@

train: setup
	$(BIN)/python -m train paper

tensorboard: setup
	$(BIN)/tensorboard --logdir runs

figures: setup
	$(BIN)/python -m evaluate.paper.figures --publish docs/figures

figures-quick: setup
	$(BIN)/python -m evaluate.paper.figures --quick

reproduction: setup
	$(BIN)/python -m evaluate.paper.reproduction

leaderboard: figures
	$(BIN)/python -m evaluate --benchmark --markdown README.md --model $$(cat results/figures/leaderboard.txt) regret-mix regret-family regret-online

evaluate: setup
	$(BIN)/python -m evaluate $(if $(RUN),--model $(RUN))

# The tests of a file in one process: what numba compiles for them is compiled once.
test: setup
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

test-fast: setup
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile -m "not slow"

test-pythons:
	.ci/test-pythons $(VERSIONS)

test-gymnasium:
	PYTHON=$(PYTHON) .ci/test-gymnasium

test-frameworks:
	PYTHON=$(PYTHON) .ci/test-frameworks

soak: setup
	$(BIN)/python -m benchmarks.soak
	MEC_GYM_KILLS=25 $(BIN)/python -m pytest --numprocesses auto tests/sb3/run/test_resume.py -k killed
	MEC_GYM_NODE_KILLS=50 $(BIN)/python -m pytest tests/jobs/test_on_ray.py -k lost_node

.venv/installed-docs: .venv/installed
	$(BIN)/python $(INSTALL) --editable ".[docs]"
	touch $@

reference: setup
	$(BIN)/python .ci/pages.py

docs: .venv/installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --config-file .ci/mkdocs.yml
	@echo "build/site/index.html; with its search: $(BIN)/python -m http.server --directory build/site"

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.venv-rivals/installed: benchmarks/rivals/requirements.txt .ci/constraints.txt pyproject.toml
	rm -f $@
	$(PYTHON) -m venv .venv-rivals
	.venv-rivals/bin/python $(INSTALL) \
		--requirement benchmarks/rivals/requirements.txt --editable ".[cli]"
	-.venv-rivals/bin/python -m benchmarks.rivals.build_pufferlib
	touch $@

# Without an index there are no rivals; all else is measured all the same.
benchmark: setup
	-@$(MAKE) --no-print-directory .venv-rivals/installed
	$(BIN)/python -m benchmarks.rivals.figure
	$(BIN)/python -m benchmarks
