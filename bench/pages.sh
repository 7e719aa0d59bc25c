#!/usr/bin/env bash
# Measures how many cached pages the service sends per second, compared with the cached GraphQL responses to the same
# queries, and what pages and their files weigh (bench/pages.mjs). The service runs with the demonstration dataset and an
# embedded Postgres. PROGRAM names a binary that is built already.
set -euo pipefail
cd "$(dirname "$0")/.."
program=${PROGRAM:-${CARGO_TARGET_DIR:-target}/release/academic-directory}
[ -n "${PROGRAM:-}" ] || cargo build --release --quiet
work=$(mktemp -d)
chmod 755 "$work"
server=
trap 'if [ -n "$server" ]; then kill "$server"; wait "$server" 2>/dev/null || true; fi; rm -rf "$work"' EXIT
LOG=warn "$program" serve --data-dir "$work/data" --demo auto --listen 127.0.0.1:0 >"$work/stdout" 2>"$work/log" &
server=$!
until grep -q 'GraphQL' "$work/stdout"; do kill -0 "$server"; sleep 0.2; done
node bench/pages.mjs "$(sed -n 's/^ *GraphQL *//p' "$work/stdout")" "$work" "$@"
cat "$work/log" >&2
