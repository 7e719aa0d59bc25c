#!/usr/bin/env bash
# Measures the import throughput, and compares it with a COPY of the same rows into the same indexed tables.
#
#   bench/import.sh PAPERS.csl.jsonl.zst [ROUNDS]
#
# Prints papers per second and the ratio of the two durations, per round and as a median. Requires psql and pg_dump.
set -euo pipefail
file=$(realpath "$1")
rounds=${2:-3}
cd "$(dirname "$0")/.."
cargo build --release --quiet
work=$(mktemp -d)
chmod 755 "$work"
server=
trap 'if [ -n "$server" ]; then kill "$server"; wait "$server" 2>/dev/null || true; fi; rm -rf "$work"' EXIT
program=target/release/academic-directory
tables="researcher researcher_statistics paper authorship coauthorship external_id source_record search_entry search_abstract search_word"

now() { date +%s.%N; }
sql() { psql -h "$socket" -U academic_directory -v ON_ERROR_STOP=1 -qAt "$@"; }

ratios=()
for round in $(seq "$rounds"); do
  data="$work/$round"
  socket="$data/postgres"
  # This instance receives no requests: it starts Postgres, so that both measurements use the same settings.
  "$program" serve --data-dir "$data" --demo never --listen 127.0.0.1:0 >"$work/stdout" 2>"$work/log" &
  server=$!
  until grep -q GraphQL "$work/stdout"; do kill -0 "$server"; sleep 0.1; done

  start=$(now)
  /usr/bin/env time -f '%M' -o "$work/memory" "$program" import csl "$file" --data-dir "$data" >"$work/summary" 2>/dev/null
  imported=$(echo "$(now) - $start" | bc)

  sql -d postgres -c 'CREATE DATABASE copied'
  pg_dump -h "$socket" -U academic_directory --schema-only academic_directory | sql -d copied >/dev/null
  copied=0
  for table in $tables; do
    columns=$(sql -d academic_directory -c "SELECT string_agg(quote_ident(attname), ',' ORDER BY attnum) FROM pg_attribute
      WHERE attrelid = '$table'::regclass AND attnum > 0 AND attgenerated = '' AND NOT attisdropped")
    sql -d academic_directory -c "\\copy (SELECT $columns FROM $table) TO '$work/rows'"
    start=$(now)
    sql -d copied -c "\\copy $table($columns) FROM '$work/rows'"
    copied=$(echo "$copied + $(now) - $start" | bc)
  done
  papers=$(sql -d academic_directory -c 'SELECT count(*) FROM paper')
  kill "$server"
  wait "$server" || true
  server=
  ratio=$(echo "scale=2; $imported / $copied" | bc)
  ratios+=("$ratio")
  printf 'round %s: %s; import %.1f s (%.0f papers/s, peak memory %s KiB), COPY %.1f s, ratio %s\n' "$round" \
    "$(cat "$work/summary")" "$imported" "$(echo "$papers / $imported" | bc)" "$(cat "$work/memory")" "$copied" "$ratio"
  rm -rf "$data"
done
printf 'median ratio of import to COPY: %s\n' "$(printf '%s\n' "${ratios[@]}" | sort -n | sed -n "$(((rounds + 1) / 2))p")"
