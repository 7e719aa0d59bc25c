#!/usr/bin/env bash
# How well and how fast search finds people and papers of a real directory, and that no big table is read as a whole.
#
#   bench/search.sh PAPERS.csl.jsonl.zst ORGANIZATIONS.jsonl.zst
#
# Starts a private directory, loads both files, types names and titles of it (bench/search.rs), and prints how often the
# right one comes first and among the first five, the times, and what Postgres says of sequential scans. Needs psql.
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
  "$program" serve --data-dir "$work/data" --demo never --listen 127.0.0.1:0 >"$work/served" 2>"$work/log" &
  server=$!
  until grep -q 'GraphQL' "$work/served"; do kill -0 "$server"; sleep 0.2; done
  url=$(sed -n 's/^ *GraphQL *//p' "$work/served")
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

# The same kinds of questions once more, with the plan of each statement in the server's log.
for setting in "session_preload_libraries = 'auto_explain'" "auto_explain.log_min_duration = 0" "auto_explain.log_analyze = on" \
  "auto_explain.log_nested_statements = on"; do
  sql -c "ALTER DATABASE academic_directory SET $setting"
done
stop
start
: >"$work/data/postgres/postgres.log"
for typed in 'jurgen schmidhuber' 'jurgen schmidhubr' 'wang wei' 'learning' 'attention is you need' 'universite montreal'; do
  curl -sf "$url" -H 'Content-Type: application/json' \
    -d "{\"query\": \"{ search(query: \\\"$typed\\\") { nodes { id } } autocomplete(query: \\\"$typed\\\") { label } }\"}" >/dev/null
done
stop
echo 'plans that read a table as a whole:'
grep -hE 'Seq Scan on' "$work/data/postgres/postgres.log" | sed 's/^[[:space:]]*/  /; s/(cost[^)]*) //' | sort | uniq -c || echo '  none'
