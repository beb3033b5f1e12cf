# The two commands: `make run` serves the page, `make test` runs every test. Both make .venv on their first call.
# What stands in ARGS goes to the program: make run ARGS="--port 8000", make test ARGS="-k store".

VENV = .venv
PYTHON = $(VENV)/bin/python
PIP = $(PYTHON) -m pip install --quiet --disable-pip-version-check --no-input --no-compile
# pip compiles what it installs on one core. A few packages carry templates that are no Python: they are not compiled, and not needed.
COMPILE = $(PYTHON) -m compileall -qq -j 0 $(VENV)/lib || true
ARGS =

.PHONY: run test bench load faults cluster fuzz audit lint lock chromium postgres browser-runtime clean

run: $(VENV)/run.stamp
	@$(PYTHON) app.py $(ARGS)

# Hundreds of processes import the program: it is compiled once, also where the environment says that no bytecode be written.
# Browsers, servers and timers share a busy machine here: a test that fails only then is a race to look into, and the log names it.
test: $(VENV)/dev.stamp chromium postgres
	@$(PYTHON) -m compileall -q app.py kdui
	@env -u PYTHONDONTWRITEBYTECODE $(PYTHON) -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS) || { \
	  code=$$?; [ $$code -eq 1 ] || exit $$code; \
	  echo "What failed beside other tests is run once more, alone; it fails the whole unless it passes:"; \
	  env -u PYTHONDONTWRITEBYTECODE $(PYTHON) -m pytest --last-failed --last-failed-no-failures none; }

bench: $(VENV)/dev.stamp chromium
	@$(PYTHON) -m kdui.bench $(ARGS)

# 50 browsers and 200 API clients for two minutes at a server with 10,000 runs, while a job trains
load: $(VENV)/dev.stamp
	@$(PYTHON) -m kdui.bench load $(ARGS)

# kill -9 of server, worker and serving process at random moments: make faults ARGS="--kills 100 --seed 0"
faults: $(VENV)/run.stamp
	@$(PYTHON) -m kdui.bench.kills $(ARGS)

# a sweep of 20 runs on a Ray cluster of two nodes, one of which is killed, and a store of 10,000 workers
cluster: $(VENV)/dev.stamp postgres
	@$(PYTHON) -m kdui.bench.cluster $(ARGS)

lint: $(VENV)/dev.stamp $(VENV)/node.stamp
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m mypy
	@$(VENV)/node/node_modules/.bin/tsc --project jsconfig.json

# Ten thousand mutations of valid files for everything that reads what somebody else wrote; make test tries up to 500 of each.
fuzz: $(VENV)/dev.stamp
	@KDUI_FUZZ_CASES=10000 $(PYTHON) -m pytest -n auto tests/fuzz $(ARGS)

# Known weaknesses of the pinned packages, by pip-audit in an environment of its own; it needs the network.
audit: $(VENV)/python.stamp
	@test -x $(VENV)/audit/bin/pip-audit || { $(PYTHON) -m venv $(VENV)/audit && $(VENV)/audit/bin/pip install --quiet pip-audit==2.10.1; }
	@$(VENV)/audit/bin/pip-audit --disable-pip --no-deps -r requirements.txt $(ARGS)

# Versions and hashes of all that is installed, on every platform and Python, as the package index has them today. PyTorch and the
# libraries that it alone brings are left out: their build is the machine's (CPU, CUDA).
LOCK = $(VENV)/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header
LOCKED = awk '/^[A-Za-z]/ { kept = !/^(torch|triton|nvidia-[^=]*|cuda-[^=]*)==/ } kept'
lock: $(VENV)/python.stamp
	@test -x $(VENV)/lock/bin/uv || { $(PYTHON) -m venv $(VENV)/lock && $(VENV)/lock/bin/pip install --quiet uv==0.13.9; }
	@$(LOCK) requirements.txt $(ARGS) > $(VENV)/lock/run
	@$(LOCK) -c $(VENV)/lock/run requirements-dev.txt $(ARGS) > $(VENV)/lock/dev
	@$(LOCK) --no-deps requirements-independent.txt $(ARGS) >> $(VENV)/lock/dev
	@$(LOCKED) $(VENV)/lock/run > requirements.lock
	@$(LOCKED) $(VENV)/lock/dev > requirements-dev.lock

# ONNX Runtime for browsers, for a class that compares its own devices; the page can fetch it on first use as well.
browser-runtime: $(VENV)/run.stamp
	@$(PYTHON) -m kdui.catalogue.browser_runtime

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

# A stamp is written last, so one that exists means that the step before it was completed.
$(VENV)/python.stamp:
	@found=; for name in python3.11 python3.12 python3.13 python3 python; do \
	  if "$$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then found="$$name"; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "kdui needs Python 3.11, 3.12 or 3.13, and none of them is on the PATH." >&2; \
	  echo "Install one (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python@3.13), then run make again." >&2; \
	  exit 1; \
	fi; \
	if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "$$found cannot make a virtual environment, because its venv module is not complete." >&2; \
	  echo "On Debian or Ubuntu: apt install python3-venv; then run make again." >&2; \
	  exit 1; \
	fi; \
	rm -rf $(VENV) && "$$found" -m venv $(VENV) && touch $@

# First what is locked, each file by its hash; then PyTorch, which is all that is left.
$(VENV)/run.stamp: $(VENV)/python.stamp requirements.txt requirements.lock
	@echo "Installing what kdui needs into $(VENV); this happens once and takes a few minutes ..."
	@$(PIP) --require-hashes --no-deps -r requirements.lock
	@$(PIP) -r requirements.txt
	@$(COMPILE)
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements-dev.lock
	@echo "Installing what the tests need into $(VENV) ..."
	@$(PIP) --require-hashes --no-deps -r requirements-dev.lock
	@$(COMPILE)
	@touch $@

# What checks the page's JavaScript; the page itself needs no package of npm.
$(VENV)/node.stamp: $(VENV)/python.stamp package.json
	@if ! command -v npm >/dev/null 2>&1; then \
	  echo "The JavaScript check needs npm, which was not found." >&2; \
	  echo "Debian, Ubuntu: apt install npm; macOS: brew install node. Then run make lint again." >&2; \
	  exit 1; \
	fi
	@mkdir -p $(VENV)/node && cp package.json $(VENV)/node/
	@npm install --prefix $(VENV)/node --no-package-lock --no-audit --no-fund --silent
	@touch $@

# The browser tests and the bench drive a real Chromium or Chrome.
chromium:
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do \
	  if command -v "$$name" >/dev/null 2>&1; then exit 0; fi; \
	done; \
	if [ -x "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" ] || [ -x /Applications/Chromium.app/Contents/MacOS/Chromium ]; then exit 0; fi; \
	if command -v apt-get >/dev/null 2>&1 && { [ "$$(id -u)" = 0 ] || command -v sudo >/dev/null 2>&1; }; then \
	  if [ "$$(id -u)" = 0 ]; then root=env; else root="sudo env"; fi; \
	  echo "Installing Chromium for the browser tests ..."; \
	  $$root DEBIAN_FRONTEND=noninteractive apt-get update -qq && \
	  $$root DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null && exit 0; \
	fi; \
	echo "The browser tests need Chromium or Chrome, and neither was found." >&2; \
	echo "Debian, Ubuntu: apt install chromium; Fedora: dnf install chromium; macOS: brew install --cask google-chrome. Then run make again." >&2; \
	exit 1

# Tests of a store in PostgreSQL start a server of their own, and are skipped where its programs are not there.
postgres:
	@if [ -d /usr/lib/postgresql ] || command -v pg_ctl >/dev/null 2>&1; then exit 0; fi; \
	if command -v apt-get >/dev/null 2>&1 && { [ "$$(id -u)" = 0 ] || command -v sudo >/dev/null 2>&1; }; then \
	  if [ "$$(id -u)" = 0 ]; then root=env; else root="sudo env"; fi; \
	  echo "Installing PostgreSQL for the tests of the store ..."; \
	  $$root DEBIAN_FRONTEND=noninteractive apt-get update -qq && \
	  $$root DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null && exit 0; \
	fi; \
	echo "PostgreSQL was not found, so its tests are skipped. Debian, Ubuntu: apt install postgresql; macOS: brew install postgresql@17."
