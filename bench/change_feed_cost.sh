#!/usr/bin/env bash
# The share of the change feed in the database time of an import, by pg_stat_statements in the same run.
#
# usage: change_feed_cost.sh URL FORMAT FILE...     URL is an empty database of a server that preloads pg_stat_statements,
# of a superuser. The programs are BIN (target/release/academic-directory) and psql.
set -euo pipefail
cd "$(dirname "$0")/.."
url=$1
shift
bin=${BIN:-target/release/academic-directory}
psql "$url" -qc "CREATE EXTENSION IF NOT EXISTS pg_stat_statements" \
    -c "DO \$\$ BEGIN EXECUTE format('ALTER DATABASE %I SET pg_stat_statements.track = ''all''', current_database()); END \$\$"
DATABASE_URL=$url "$bin" migrate up > /dev/null
psql "$url" -qXc "SELECT pg_stat_statements_reset()" > /dev/null
DATABASE_URL=$url "$bin" import "$@"
# Statements within functions are not at the top level: those that note changes run in triggers of others.
psql "$url" -Xc "WITH own AS (SELECT * FROM pg_stat_statements
        WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())),
    spent AS (SELECT sum(total_exec_time) FILTER (WHERE toplevel) AS whole,
        sum(total_exec_time) FILTER (WHERE toplevel AND query LIKE '%record_changes(%') AS recording,
        sum(total_exec_time) FILTER (WHERE NOT toplevel AND query LIKE 'INSERT INTO change_pending%') AS noting FROM own)
    SELECT round(whole) AS database_ms, round(recording) AS recording_ms, round(noting) AS noting_ms,
        round(((recording + noting) * 100 / whole)::numeric, 1) AS feed_percent FROM spent" \
    -Xc "SELECT pg_size_pretty(pg_database_size(current_database())) AS database,
        pg_size_pretty(pg_total_relation_size('change')) AS change, pg_size_pretty(pg_total_relation_size('change_pending')) AS pending"
