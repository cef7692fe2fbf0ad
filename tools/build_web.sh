#!/usr/bin/env bash
# Builds the sample storefront and the web console into src/web/dist, when they are not there or older than their sources.
#
#   tools/build_web.sh          exits 0 also when there is no npm: the program works without the pages
#   tools/build_web.sh --strict exits 1 then
set -euo pipefail
cd "$(dirname "$0")/../src/web"

if ! command -v npm >/dev/null; then
  echo "web: no npm, so no web pages; install it with tools/install.sh" >&2
  [ "${1:-}" = --strict ] && exit 1
  exit 0
fi

# Two at once would write the same files.
exec 9>.lock
flock 9

# What the pages are made of, in one number.
stamp=$(cat package.json package-lock.json build.ts shop/* console/* shared/* | sha256sum | cut -c1-16)
if [ -f dist/index.html ] && [ "$(cat dist/.stamp 2>/dev/null)" = "$stamp" ]; then exit 0; fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
lock=$(sha256sum package-lock.json | cut -c1-16)
if [ "$(cat node_modules/.stamp 2>/dev/null)" != "$lock" ]; then
  if ! npm ci --no-audit --no-fund --loglevel=error >"$log" 2>&1; then
    tail -15 "$log" >&2
    echo "web: npm ci failed (above); is the npm registry reachable?" >&2
    exit 1
  fi
  echo "$lock" >node_modules/.stamp
fi
if ! npm run --silent build >"$log" 2>&1; then
  tail -20 "$log" >&2
  echo "web: the pages do not build (above)" >&2
  exit 1
fi
cat "$log"
echo "$stamp" >dist/.stamp
