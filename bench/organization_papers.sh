#!/usr/bin/env bash
# Counts the pages that Postgres reads for the first page of an organization's papers, by each link: for the largest
# organization, with 220 descendants, and for a small one.
#
#   DATA=DIRECTORY bench/organization_papers.sh
#
# DIRECTORY contains papers, such as those that bench/compare.sh imported. Work on a copy: the script adds synthetic
# organizations (organization_papers.sql) if there are none. PROGRAM is the service binary (default: a new build).
# Requires psql and curl.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${PROGRAM:-}" ]; then
  cargo build --release --quiet
  PROGRAM=${CARGO_TARGET_DIR:-target}/release/academic-directory
fi
work=$(mktemp -d)
server=
stop() {
  if [ -n "$server" ]; then kill "$server"; wait "$server" 2>/dev/null || true; fi
  server=
}
trap 'stop; rm -rf "$work"' EXIT
start() {
  LOG=warn CACHE_MAX_BYTES=0 "$PROGRAM" serve --data-dir "$DATA" --demo never --listen 127.0.0.1:0 >"$work/stdout" 2>"$work/log" &
  server=$!
  for _ in $(seq 600); do
    grep -q GraphQL "$work/stdout" && break
    kill -0 "$server" || { cat "$work/log" >&2; exit 1; }
    sleep 0.2
  done
  url=$(sed -n 's/^ *GraphQL *//p' "$work/stdout")
}
sql() { psql -h "$DATA/postgres" -U academic_directory -d academic_directory -v ON_ERROR_STOP=1 -qAt "$@"; }

start
if [ "$(sql -c "SELECT count(*) FROM organization WHERE slug = 'synthetic-1'")" = 0 ]; then
  sql -f bench/organization_papers.sql >/dev/null
fi
stop
start # computes what the script left
sql -c "VACUUM ANALYZE" >/dev/null
settings=("session_preload_libraries = 'auto_explain'" "auto_explain.log_min_duration = 0" "auto_explain.log_analyze = on"
  "auto_explain.log_buffers = on" "auto_explain.log_timing = off")
reset() {
  for setting in "${settings[@]}"; do sql -c "ALTER DATABASE academic_directory RESET ${setting%% *}" || true; done
}
trap 'reset; stop; rm -rf "$work"' EXIT
for setting in "${settings[@]}"; do sql -c "ALTER DATABASE academic_directory SET $setting"; done
stop
start
small=$(sql -c "SELECT slug FROM organization JOIN paper_organization ON organization_id = organization.id
  GROUP BY slug HAVING bool_or(is_by_authorship) ORDER BY count(*), slug LIMIT 1")
log="$DATA/postgres/postgres.log"
printf '%-16s %-26s %8s %8s\n' organization links papers pages
for slug in synthetic-1 "$small"; do
  for links in AUTHORSHIP MEMBERSHIP 'AUTHORSHIP, MEMBERSHIP'; do
    list="organization(by: {slug: \\\"$slug\\\"}) { papers(links: [$links])"
    ask() { curl -sf "$url" -H 'Content-Type: application/json' -d "{\"query\": \"{ $list { $1 } } }\"}"; }
    papers=$(ask totalCount | grep -o '[0-9]*' | tail -1)
    # Plans are cached after several requests.
    for _ in $(seq 8); do : >"$log"; ask 'nodes { slug title }' >/dev/null; done
    # The first line of buffers of the plan is that of the whole statement.
    pages=$(awk '/Query Text:/ { page = /paper_organization/; next } page && /Buffers: shared/ { total = 0
      for (field = 1; field <= NF; field++) if (split($field, part, "=") == 2 && part[1] ~ /hit|read/) total += part[2]
      print total; exit }' "$log")
    printf '%-16s %-26s %8s %8s\n' "$slug" "$links" "$papers" "$pages"
  done
done
