#!/usr/bin/env bash
# Builds the web console into src/console/dist, when it is not there or older than its sources.
#
#   tools/build_console.sh          exits 0 also when there is no npm: the program works without the page
#   tools/build_console.sh --strict exits 1 then
set -euo pipefail
cd "$(dirname "$0")/../src/console"

if ! command -v npm >/dev/null; then
  echo "console: no npm, so no web page; install it with tools/install.sh" >&2
  [ "${1:-}" = --strict ] && exit 1
  exit 0
fi

# What the page is made of, in one number.
stamp=$(cat package.json package-lock.json build.mjs src/* | sha256sum | cut -c1-16)
if [ -f dist/index.html ] && [ "$(cat dist/.stamp 2>/dev/null)" = "$stamp" ]; then exit 0; fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
lock=$(sha256sum package-lock.json | cut -c1-16)
if [ "$(cat node_modules/.stamp 2>/dev/null)" != "$lock" ]; then
  if ! npm ci --no-audit --no-fund --loglevel=error >"$log" 2>&1; then
    tail -15 "$log" >&2
    echo "console: npm ci failed (above); is the npm registry reachable?" >&2
    exit 1
  fi
  echo "$lock" >node_modules/.stamp
fi
if ! node build.mjs >"$log" 2>&1; then
  tail -20 "$log" >&2
  echo "console: the page does not build (above)" >&2
  exit 1
fi
cat "$log"
echo "$stamp" >dist/.stamp
