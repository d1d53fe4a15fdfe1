# Everything from a fresh clone; needs only make and Python 3.11 or newer.
## make recommend VIDEO=clip.mp4 MUSIC=~/Music   tracks from your folder that fit your clip
## make recommend                                the same with a small sample, rendered here
## make app MUSIC=~/Music                        the app: drop a clip, hear ten answers, pick one (without MUSIC: a sample)
## make test                                     lint, types and tests
## make quick                                    the tests of a minute, without torch: while you write
## make lowest                                   tests with the lowest versions that pyproject.toml promises
## make clean                                    remove what the others made: .venv, .sample, caches
##
## PYTHON=python3.12 chooses the interpreter. VIDEO and MUSIC may hold spaces, quotes and a leading ~.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help recommend app test quick lowest clean

PYTHON ?= python3

# What the user gave reaches the recipes through the environment, never pasted into shell text, and
# without make's own expansion of `$`.
unexport VIDEO MUSIC PYTHON
export GIVEN_VIDEO := $(value VIDEO)
export GIVEN_MUSIC := $(value MUSIC)
export GIVEN_PYTHON := $(value PYTHON)

# Scripts run through the interpreter: the first line that pip gives them does not survive every path.
help:
	@sed -n 's/^## \{0,1\}//p' Makefile

recommend: .venv/.installed
	@set -eu; video=$$GIVEN_VIDEO; music=$$GIVEN_MUSIC; \
	case $$video in '~' | '~/'*) video=$$HOME$${video#?} ;; esac; \
	case $$music in '~' | '~/'*) music=$$HOME$${music#?} ;; esac; \
	if [ -z "$$video" ] || [ -z "$$music" ]; then .venv/bin/python .venv/bin/recommend sample .sample >&2; fi; \
	if [ -z "$$video" ]; then echo 'No VIDEO given: using the two sample clips.' >&2; fi; \
	if [ -z "$$music" ]; then echo 'No MUSIC given: using the sample tracks.' >&2; fi; \
	exec .venv/bin/python .venv/bin/recommend --format table --video="$${video:-.sample/clips}" --music="$${music:-.sample/music}"

# The library of the sample stays beside it; that of your music is `default`, as of `recommend index add`.
app: .venv/.installed-app
	@set -eu; music=$$GIVEN_MUSIC; case $$music in '~' | '~/'*) music=$$HOME$${music#?} ;; esac; \
	recommend() { .venv/bin/python .venv/bin/recommend "$$@"; }; \
	if [ -n "$$music" ]; then recommend index add "$$music"; exec .venv/bin/python .venv/bin/recommend app; fi; \
	echo 'No MUSIC given: using the sample tracks and clips.' >&2; \
	recommend sample .sample >&2; recommend index add .sample/music --library .sample/library; \
	exec .venv/bin/python .venv/bin/recommend app --library .sample/library --music-folder .sample/music --clip-folder .sample/clips

test: .venv/.installed-dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/python -m mypy
	.venv/bin/python -m pytest -n 2 --durations 30

# The floors, the pages, and what a query runs through; neither training nor media at length.
QUICK := tests/test_layers.py tests/test_tree.py tests/test_docs.py tests/indexing/test_filtering.py \
  tests/indexing/test_library_facts.py tests/indexing/test_medians.py $(patsubst %,tests/recommender/test_%.py, \
  affect cues encoders engine explain filters outputs rankers relative stills tags)

quick: .venv/.installed-quick
	.venv/bin/python -m ruff check .
	.venv/bin/python -m pytest -q -n 2 $(QUICK)

# Every library that has a bound at work: catalog, migrations, store, both FAISS searches, media, networks' parts.
LOWEST := $(QUICK) tests/indexing/test_migrations.py tests/indexing/test_doctor.py tests/indexing/contract \
  tests/indexing/test_library_vectors.py $(patsubst %,tests/recommender/test_%.py,media media_pictures) \
  $(patsubst %,tests/training/test_%.py,ridge nets losses)

lowest: .venv-lowest/.installed
	.venv-lowest/bin/python -m pytest -q $(LOWEST)

.venv-lowest/.installed: pyproject.toml tests/lowest.py | .venv/.python
	@echo 'Installing into .venv-lowest (some minutes the first time) ...' >&2
	@rm -rf .venv-lowest && "$$GIVEN_PYTHON" -m venv .venv-lowest
	@.venv-lowest/bin/python tests/lowest.py cpu train test >.venv-lowest/constraints.txt
	@.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check \
	  --constraint .venv-lowest/constraints.txt --editable '.[cpu,train,test]'
	@touch $@

# Editable, so that a pull needs no second install; the stamps are older than a changed pyproject.toml.
.venv/.installed: pyproject.toml | .venv/.python
	@echo 'Installing into .venv (a minute or so the first time) ...' >&2
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[cpu]'
	@touch $@

.venv/.installed-app: pyproject.toml | .venv/.python
	@echo 'Installing into .venv (a minute or so the first time) ...' >&2
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[cpu,app]'
	@touch .venv/.installed $@

.venv/.installed-quick: pyproject.toml | .venv/.python
	@echo 'Installing into .venv (a minute or so the first time) ...' >&2
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[cpu,test]'
	@touch .venv/.installed $@

.venv/.installed-dev: pyproject.toml | .venv/.python
	@echo 'Installing into .venv (a minute or so the first time) ...' >&2
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[cpu,train,dev]'
	@touch .venv/.installed .venv/.installed-app .venv/.installed-quick $@

.venv/.python:
	@command -v "$$GIVEN_PYTHON" >/dev/null || { \
	  echo "No '$$GIVEN_PYTHON' here: install Python 3.11 or newer, or name one with PYTHON=" >&2; exit 2; }
	@"$$GIVEN_PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "cliptune needs Python 3.11 or newer; '$$GIVEN_PYTHON' is older: name one with PYTHON=" >&2; exit 2; }
	@"$$GIVEN_PYTHON" -m venv .venv
	@touch $@

clean:
	rm -rf .venv .venv-lowest .sample build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
