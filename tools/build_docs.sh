#!/usr/bin/env bash
# Builds the documentation site from docs/ into build/site/html (or the folder given). A link that leads nowhere fails.
#
#   tools/build_docs.sh [FOLDER]      needs mkdocs: tools/install.sh test
set -euo pipefail
cd "$(dirname "$0")/.."
to="$(realpath -m "${1:-build/site/html}")"

if ! command -v mkdocs >/dev/null; then
  echo "docs: no mkdocs; install it with tools/install.sh test" >&2
  exit 1
fi
tools/api_reference.py --check
pages="$(dirname "$to")/pages"
python3 tools/site/pages.py "$pages"
FRESHET_DOCS_PAGES="$pages" mkdocs build --quiet --strict --config-file tools/site/mkdocs.yml --site-dir "$to"
echo "docs: $to/index.html"
