#!/usr/bin/env bash
# Measures how 200 slow clients, three times the sustainable load, 32 clients with expensive searches, one greedy client,
# 1,000 idle connections, and a database outage of 30 s affect other clients, and the memory that different documents
# take (bench/load). The service runs with the demonstration dataset and an embedded Postgres.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
cargo bench --quiet --no-run --bench load
work=$(mktemp -d)
chmod 755 "$work"
server=
trap 'if [ -n "$server" ]; then kill "$server"; wait "$server" 2>/dev/null || true; fi; rm -rf "$work"' EXIT
program=${CARGO_TARGET_DIR:-target}/release/academic-directory
# Disables the response cache, so that each request is executed.
CACHE_MAX_BYTES=0 LOG=warn "$program" serve --data-dir "$work/data" --demo auto --listen 127.0.0.1:0 >"$work/stdout" 2>"$work/log" &
server=$!
until grep -q 'GraphQL' "$work/stdout"; do kill -0 "$server"; sleep 0.2; done
cargo bench --quiet --bench load -- "$(sed -n 's/^ *GraphQL *//p' "$work/stdout")"
kill "$server"
wait "$server" || true
server=
cat "$work/log" >&2
cargo bench --quiet --bench load -- --fairness "$program"
cargo bench --quiet --bench load -- --outage "$program"
