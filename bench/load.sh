#!/usr/bin/env bash
# What 200 slow clients, three times the sustainable load, and a database that is gone for 30 s do to the others
# (bench/load), against a service with the demonstration directory and a private Postgres.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
cargo bench --quiet --no-run --bench load
work=$(mktemp -d)
chmod 755 "$work"
server=
trap 'if [ -n "$server" ]; then kill "$server"; wait "$server" 2>/dev/null || true; fi; rm -rf "$work"' EXIT
program=${CARGO_TARGET_DIR:-target}/release/academic-directory
# Kept answers would leave nothing to do.
CACHE_MAX_BYTES=0 LOG=warn TRUSTED_PROXIES=127.0.0.1 "$program" serve --data-dir "$work/data" --demo auto --listen 127.0.0.1:0 >"$work/served" 2>"$work/log" &
server=$!
until grep -q 'GraphQL' "$work/served"; do kill -0 "$server"; sleep 0.2; done
cargo bench --quiet --bench load -- "$(sed -n 's/^ *GraphQL *//p' "$work/served")"
kill "$server"
wait "$server" || true
server=
cat "$work/log" >&2
cargo bench --quiet --bench load -- --outage "$program"
