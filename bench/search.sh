#!/usr/bin/env bash
# Measures the quality and latency of search on real data, and lists sequential scans.
#
#   bench/search.sh PAPERS.csl.jsonl.zst ORGANIZATIONS.jsonl.zst
#
# Starts the service with an embedded Postgres, imports both files, and searches for names and titles from the data
# (bench/search.rs). Prints how often the expected entity ranks first and in the top 5, the latencies, and the sequential
# scans in the query plans. Requires psql.
set -euo pipefail
papers=$(realpath "$1")
organizations=$(realpath "$2")
cd "$(dirname "$0")/.."
cargo build --release --quiet
cargo bench --quiet --no-run --bench search
work=$(mktemp -d)
chmod 755 "$work"
server=
trap 'if [ -n "$server" ]; then kill "$server"; wait "$server" 2>/dev/null || true; fi; rm -rf "$work"' EXIT
program=target/release/academic-directory

start() {
  "$program" serve --data-dir "$work/data" --demo never --listen 127.0.0.1:0 >"$work/stdout" 2>"$work/log" &
  server=$!
  until grep -q 'GraphQL' "$work/stdout"; do kill -0 "$server"; sleep 0.2; done
  url=$(sed -n 's/^ *GraphQL *//p' "$work/stdout")
}
stop() {
  kill "$server"
  wait "$server" || true
  server=
}
sql() { psql -h "$work/data/postgres" -U academic_directory -d academic_directory -v ON_ERROR_STOP=1 -qAt "$@"; }

start
"$program" import ror "$organizations" --data-dir "$work/data" 2>/dev/null
"$program" import csl "$papers" --data-dir "$work/data" 2>/dev/null
cargo bench --quiet --bench search -- "$url"

# Repeats queries of the same kinds with auto_explain, which writes the plan of each statement to the Postgres log.
for setting in "session_preload_libraries = 'auto_explain'" "auto_explain.log_min_duration = 0" "auto_explain.log_analyze = on" \
  "auto_explain.log_nested_statements = on"; do
  sql -c "ALTER DATABASE academic_directory SET $setting"
done
stop
start
: >"$work/data/postgres/postgres.log"
for input in 'jurgen schmidhuber' 'jurgen schmidhubr' 'wang wei' 'learning' 'attention is you need' 'universite montreal'; do
  curl -sf "$url" -H 'Content-Type: application/json' \
    -d "{\"query\": \"{ search(query: \\\"$input\\\") { nodes { id } } autocomplete(query: \\\"$input\\\") { label } }\"}" >/dev/null
done
stop
echo 'sequential scans:'
grep -hE 'Seq Scan on' "$work/data/postgres/postgres.log" | sed 's/^[[:space:]]*/  /; s/(cost[^)]*) //' | sort | uniq -c || echo '  none'
