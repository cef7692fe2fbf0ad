#!/usr/bin/env bash
# clang-tidy over what changed in meaning: every .cc of the given rooms (default: all but tests), two at a time.
#   tools/lint.sh <build dir> [room...]
# Left out: model/math*.cc and model/dense_kernels.cc, whose names of instruction sets clang-tidy 14 does not know.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/release}
shift || true
rooms=("$@")
[ ${#rooms[@]} -gt 0 ] || mapfile -t rooms < <(cut -d: -f1 "$build/rooms.txt")
files=()
for room in "${rooms[@]}"; do
  while IFS= read -r file; do files+=("$file"); done < <(find "src/$room" -name '*.cc' ! -name '*_test.cc' ! -path '*/testing/*' ! -path '*/model/math*.cc' ! -path '*/model/dense_kernels.cc' | sort)
done
findings=$(printf '%s\n' "${files[@]}" | xargs -P 2 -n 4 clang-tidy-14 --quiet -p "$build" 2>/dev/null || true)
if [ -n "$findings" ]; then
  printf '%s\n' "$findings"
  exit 1
fi
echo "lint: ${#files[@]} files"
