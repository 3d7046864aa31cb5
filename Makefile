# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

STUDY := results/data/voc240

.PHONY: demo test quick cluster readers lint settings docs fuzz faults bench experiments study-update lock clean help

help: ## Say what there is to make
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

demo: .venv/installed ## Run the main job on the embedded demo data: results/demo_semi/report.html
	$(BIN)/snakemake --cores all results/demo_semi/report.html
	@echo "Open results/demo_semi/report.html"

test: .venv/installed ## Run the whole test suite, with the examples in docstrings
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

quick: .venv/installed ## Run what takes seconds, while at work: no slow test, fewer random examples (two minutes)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow" --hypothesis-profile quick -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

cluster: .venv/installed ## Add what Snakemake needs to submit jobs to a scheduler (docs/cluster.md)
	$(BIN)/python -m pip install --quiet --no-deps --requirement envs/cluster.txt

readers: ## Add an environment with other tools that read what we write, for tests: .venv-readers
	$(PYTHON) -m venv .venv-readers
	.venv-readers/bin/python -m pip install --quiet datumaro==1.13.12 label-studio-converter==0.0.59

lint: .venv/installed ## Check style, types and rules
	$(BIN)/ruff check .
	$(BIN)/python -m boxsup.config --check
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --config-file benchmarks/mypy.ini
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint
	$(BIN)/codespell

settings: .venv/installed ## Write what is made from the models of the settings: schema, docs/settings.md, defaults
	$(BIN)/python -m boxsup.config

docs: .venv/installed ## Build the documentation as a site: results/site/index.html
	$(BIN)/sphinx-build --quiet --fresh-env --fail-on-warning --keep-going docs results/site

fuzz: .venv/installed ## Feed every reader broken files, 20,000 of them (some minutes)
	$(BIN)/python tests/fuzz

faults: .venv/installed ## Kill, damage and fill up 100 runs of the tiny demo (some hours)
	$(BIN)/python tests/faults

bench: .venv/installed ## Measure what the README quotes; real photographs: BOXSUP_DATA
	for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

SIZES = 240 635 2635
experiments: .venv/installed ## Repeat the paper's comparisons on real photographs, three sizes of data set (SIZES=240: one of them)
	$(BIN)/snakemake --cores all --configfile=benchmarks/voc240.yaml -- $(foreach size,$(SIZES), \
	    results/paper_voc$(size)/report.html $(foreach row,paper mask_bias box_greedy_bias,results/voc$(size)_$(row)/report.html))

study-update: .venv/installed ## Repeat docs/update.md: variants of the label update
	$(BIN)/snakemake --cores all --configfile benchmarks/voc240.yaml -- $(STUDY)/val/images.csv $(STUDY)/masks/images.csv \
	    $(foreach kind,proposals overlaps,$(foreach i,0 1,$(STUDY)/train/$(kind)/mcg/$(i)-of-2.zarr))
	$(BIN)/python benchmarks/update_study

lock: .venv/installed ## Write the installed versions to envs/
	$(BIN)/python envs/lock.py

.venv/installed: envs/requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "boxsup needs Python 3.11 or newer; set PYTHON=")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-deps --requirement envs/requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@

clean: ## Remove the environment and every result
	rm -rf .venv results .snakemake
