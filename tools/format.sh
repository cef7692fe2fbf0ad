#!/usr/bin/env bash
# clang-format over every C++ file.   tools/format.sh          formats
#                                     tools/format.sh --check  changes nothing, names what is not formatted, exits 1
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t files < <(git ls-files -co --exclude-standard 'src/*.cc' 'src/*.h' 'bench/*.cc' 'bench/*.h')
if [ "${1:-}" = --check ]; then
  clang-format-14 --dry-run -Werror "${files[@]}" && echo "format: ${#files[@]} files"
else
  clang-format-14 -i "${files[@]}"
fi
