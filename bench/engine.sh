#!/usr/bin/env bash
# Measures what each of our own parts of execution is worth on p, c2 and l: builds a program in which the environment
# variable WITHOUT leaves one of them out, and compares the service with itself, as bench/compare.sh does with its peers.
#
#   bench/engine.sh [FILE...] [-- --seconds 3 --rounds 7 …]
#
# The parts: `json` (objects are written as JSON as soon as they are known), `eager` (fields that are ready are resolved
# without a task for each), `order` (fields are in the order of the query), `nulls` (failed fields are null), `all`.
# bench/engine.patch is the program's difference from the service. FILE, the environment and the options are those of
# bench/compare.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
files=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  files+=("$(realpath "$1")")
  shift
done
[ $# -eq 0 ] || shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -z "${PROGRAM:-}" ]; then
  mkdir "$work/source"
  git ls-files -z | xargs -0 cp --parents --target-directory "$work/source"
  patch --quiet --strip 1 --directory "$work/source" <bench/engine.patch
  export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
  (cd "$work/source" && cargo build --release --quiet)
  cp "$CARGO_TARGET_DIR/release/academic-directory" "$work/academic-directory"
  PROGRAM=$work/academic-directory
fi
export PROGRAM
peers=service,without-none,without-json,without-eager,without-order,without-nulls,without-all
bench/compare.sh "${files[@]}" -- --queries p,c2,l --zipf "" --peers "$peers" "$@"
