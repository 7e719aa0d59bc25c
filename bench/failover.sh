#!/usr/bin/env bash
# Measures what clients and an import notice of failovers: a Patroni cluster of two Postgres servers (docs/patroni) runs on
# this machine, and its primary is killed while the service answers requests and an import runs. bench/README.md explains
# the results.
#
#   bench/failover.sh [haproxy] [hosts]        default: both
#
# haproxy: the service reaches the primary through HAProxy. hosts: its connection URL lists both servers. Prints a
# Markdown table, and exits with status 1 if a goal is missed.
#
# Environment: PROGRAM is the service binary (default: a new build), GENERATE the generator (default: cargo bench), KILLS
# the number of failovers per connection (default: 5), RATE the number of requests per second (default: 100), PAPERS the
# number of imported papers (default: 60000; the import should outlast the failovers), and KEEP a directory that receives
# the logs. With FAULT=freeze, the primary stops without closing its connections, as a machine does that freezes or loses
# its network, and is killed ten seconds after the promotion. As root, the cluster runs as the user RUN_AS (default:
# postgres). Everything listens on 127.0.0.1, on free ports, and ends with the script, after 15 minutes or so.
set -euo pipefail
[ $# -gt 0 ] || set -- haproxy hosts
for connection in "$@"; do
  case $connection in haproxy | hosts) ;; *) echo "$connection is neither haproxy nor hosts" >&2; exit 1 ;; esac
done
# The Python of the system, which runs Patroni.
python=/usr/bin/python3
PATH=$PATH:/usr/sbin
for tool in patroni etcd haproxy psql curl setsid setpriv "$python"; do
  command -v "$tool" >/dev/null || {
    echo "$tool is not installed (Debian: apt-get install patroni etcd-server haproxy postgresql curl; then stop the services of these packages)" >&2
    exit 1
  }
done
programs=$(find /usr/lib/postgresql -path '*/bin/pg_rewind' 2>/dev/null | sort -V | tail -1 | xargs -r dirname)
[ -n "$programs" ] || { echo "there is no pg_rewind below /usr/lib/postgresql (Debian: apt-get install postgresql)" >&2; exit 1; }
[ -z "${PROGRAM:-}" ] || PROGRAM=$(realpath "$PROGRAM")
cd "$(dirname "$0")/.."
if [ -z "${PROGRAM:-}" ]; then
  cargo build --release --quiet
  PROGRAM=$(realpath "${CARGO_TARGET_DIR:-target}/release/academic-directory")
fi
generate() { ${GENERATE:-cargo bench --quiet --bench generate --} "$@"; }
kills=${KILLS:-5}
fault=${FAULT:-kill}
case $fault in kill | freeze) ;; *) echo "FAULT is $fault; it must be kill or freeze" >&2; exit 1 ;; esac
rate=${RATE:-100}
papers=${PAPERS:-60000}

# Postgres does not run as root.
as_user=(env)
work=$(mktemp -d)
if [ "$(id -u)" = 0 ]; then
  as_user=(setpriv "--reuid=${RUN_AS:-postgres}" "--regid=$(id -g "${RUN_AS:-postgres}")" --init-groups env "HOME=$work")
  chown "${RUN_AS:-postgres}" "$work"
  chmod 755 "$work"
fi
as_user+=(LC_ALL=C TZ=UTC "PATH=$PATH")

# Process IDs by name. A process that this script starts is a process group of its own, except Postgres.
declare -A pids
start() {
  local name=$1
  shift
  setsid "$@" >>"$work/$name.log" 2>&1 &
  pids[$name]=$!
}
stop() {
  [ -n "${pids[$1]:-}" ] || return 0
  kill -TERM -- "-${pids[$1]}" 2>/dev/null || true
  for _ in $(seq 100); do
    kill -0 "${pids[$1]}" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL -- "-${pids[$1]}" 2>/dev/null || true
  wait "${pids[$1]}" 2>/dev/null || true
  unset "pids[$1]"
}
# The postmaster of a node, if it runs: the process of that number whose working directory is the node's data directory.
postmaster() {
  local pid
  pid=$(head -1 "$work/$1/data/postmaster.pid" 2>/dev/null) || return 1
  [ "$(readlink "/proc/$pid/cwd")" = "$work/$1/data" ] && echo "$pid"
}
# All Postgres processes of a node.
processes() {
  local process
  for process in /proc/[0-9]*; do
    [ "$(readlink "$process/cwd" 2>/dev/null)" != "$work/$1/data" ] || echo "${process#/proc/}"
  done
}
cleanup() {
  local status=$? name pid
  trap - EXIT INT TERM HUP
  set +e
  # Patroni stops Postgres when it is stopped, and needs etcd for that.
  for name in load import service haproxy db1 db2; do stop "$name"; done
  for name in db1 db2; do
    for pid in $(processes "$name"); do kill -KILL "$pid" 2>/dev/null; done
  done
  stop etcd
  if [ -n "${KEEP:-}" ]; then
    mkdir -p "$KEEP"
    cp "$work"/*.log "$work"/*.responses "$work"/*.events "$work"/*.rows "$KEEP" 2>/dev/null || true
  fi
  rm -rf "$work"
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

fail() {
  echo "$1" >&2
  for log in "$work"/*.log; do
    echo "--- the end of $(basename "$log")" >&2
    tail -n 5 "$log" >&2
  done
  exit 1
}
# Waits up to that many seconds until a command succeeds.
wait_until() {
  local seconds=$1 what=$2 deadline
  shift 2
  deadline=$((SECONDS + seconds))
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || fail "not within $seconds s: $what"
    sleep 0.1
  done
}
now() { date +%s.%N; }

mapfile -t ports < <("$python" -c '
import socket
sockets = [socket.socket() for _ in range(8)]
for one in sockets: one.bind(("127.0.0.1", 0))
for one in sockets: print(one.getsockname()[1])')
declare -A postgres=([db1]=${ports[0]} [db2]=${ports[1]}) rest=([db1]=${ports[2]} [db2]=${ports[3]})
etcd=${ports[4]} etcd_peer=${ports[5]} proxy=${ports[6]}
superuser_password=$("$python" -c 'import secrets; print(secrets.token_hex(16))')
password=$("$python" -c 'import secrets; print(secrets.token_hex(16))')

# The configuration files of the documentation, with the addresses, directories and passwords of this run.
localize() {
  sed -e "s/10\.0\.0\.11:5432/127.0.0.1:${postgres[db1]}/; s/10\.0\.0\.12:5432/127.0.0.1:${postgres[db2]}/" \
    -e "s/10\.0\.0\.11:8008/127.0.0.1:${rest[db1]}/; s/10\.0\.0\.12:8008/127.0.0.1:${rest[db2]}/" \
    -e "/server db1/s/port 8008/port ${rest[db1]}/; /server db2/s/port 8008/port ${rest[db2]}/" \
    -e "s/hosts: .*/hosts: 127.0.0.1:$etcd/; s/127\.0\.0\.1:5000/127.0.0.1:$proxy/" \
    -e "s/SUPERUSER-PASSWORD/$superuser_password/; s/[A-Z]*-PASSWORD/$password/" \
    -e "s|10\.0\.0\.0/24|127.0.0.1/32|; s|bin_dir: .*|bin_dir: $programs|" "$@"
}
configure_node() {
  sed "/etcd3:/,/hosts:/!s/10\.0\.0\.11/${2}/; s/^name: .*/name: $1/" docs/patroni/patroni.yml | localize \
    -e "s|data_dir: .*|data_dir: $work/$1/data|; s|pgpass: .*|pgpass: $work/$1/pgpass|" \
    -e "s|unix_socket_directories: .*|unix_socket_directories: $work/$1|; s/shared_buffers: .*/shared_buffers: 256MB/" >"$work/$1.yml"
  "${as_user[@]}" mkdir "$work/$1"
}
start_node() { start "$1" "${as_user[@]}" patroni "$work/$1.yml"; }
is_primary() { curl -fs -o /dev/null --max-time 2 "http://127.0.0.1:${rest[$1]}/primary"; }
is_synchronous_standby() { curl -fs -o /dev/null --max-time 2 "http://127.0.0.1:${rest[$1]}/synchronous"; }
find_primary() { for node in db1 db2; do ! is_primary "$node" || { echo "$node"; return; }; done; return 1; }
superuser() {
  PGPASSWORD=$superuser_password PGCONNECT_TIMEOUT=5 psql -v ON_ERROR_STOP=1 -qAtX -h 127.0.0.1 -p "${postgres[$(find_primary)]}" -U postgres "$@"
}
# The whole directory without IDs and timestamps, one entity per line, sorted.
rows() {
  superuser -d "$1" -c "SELECT kind || ' ' || line FROM ($(cat tests/api/support/dump.sql)) AS entities" | LC_ALL=C sort
}
# The connection URL of a database, for a connection of the command line.
url() {
  local hosts=127.0.0.1:$proxy parameters=
  if [ "$1" = hosts ]; then
    hosts=127.0.0.1:${postgres[db1]},127.0.0.1:${postgres[db2]} parameters='?target_session_attrs=read-write'
  fi
  echo "postgresql://directory:$password@$hosts/$2$parameters"
}
run_import() {
  LOG=warn DATABASE_URL=$1 "$PROGRAM" import records "$2" >>"$work/import.log" 2>&1
}

generate --people 5000 --papers "$papers" >"$work/records.jsonl"
# The records that the directory has already when the import starts: all but the newest papers.
head -n "$(($(grep -vc '"kind":"paper"' "$work/records.jsonl") + 3000))" "$work/records.jsonl" >"$work/base.jsonl"

echo "starting the cluster" >&2
start etcd "${as_user[@]}" etcd --name bench --data-dir "$work/etcd" --log-level warn \
  --listen-client-urls "http://127.0.0.1:$etcd" --advertise-client-urls "http://127.0.0.1:$etcd" \
  --listen-peer-urls "http://127.0.0.1:$etcd_peer" --initial-advertise-peer-urls "http://127.0.0.1:$etcd_peer" \
  --initial-cluster "bench=http://127.0.0.1:$etcd_peer"
wait_until 20 "etcd starts" curl -fs -o /dev/null --max-time 2 "http://127.0.0.1:$etcd/health"
localize docs/patroni/haproxy.cfg >"$work/haproxy.cfg"
configure_node db1 10.0.0.11
configure_node db2 10.0.0.12
start_node db1
wait_until 60 "the first server becomes the primary" is_primary db1
start_node db2
wait_until 60 "the second server becomes a synchronous standby" is_synchronous_standby db2
start haproxy "${as_user[@]}" haproxy -f "$work/haproxy.cfg"
superuser -d postgres -c "CREATE ROLE directory LOGIN PASSWORD '$password'" -c 'CREATE DATABASE base OWNER directory'

echo "importing without failovers" >&2
# Directly: neither HAProxy nor host lists are measured here.
direct="postgresql://directory:$password@127.0.0.1:${postgres[db1]}"
run_import "$direct/base" "$work/base.jsonl" || fail "the first import failed"
superuser -d postgres -c 'CREATE DATABASE undisturbed TEMPLATE base OWNER directory'
SECONDS=0
run_import "$direct/undisturbed" "$work/records.jsonl" || fail "the import without failovers failed"
undisturbed_seconds=$SECONDS
superuser -d undisturbed -c ANALYZE
rows undisturbed >"$work/undisturbed.rows"

event() { printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$work/$connection.events"; }
# When Postgres of that node accepted writes for the first time after that time.
find_promotion() {
  local line when
  while read -r line; do
    when=$(date -d "$(cut -d ' ' -f 1-3 <<<"$line")" +%s.%N)
    if awk -v when="$when" -v after="$2" 'BEGIN { exit !(when > after) }'; then
      echo "$when"
      return
    fi
  done < <(grep 'LOG:  database system is ready to accept connections' "$work/$1.log")
  return 1
}
is_promoted() { promoted=$(find_promotion "$@"); }
is_import_running() { kill -0 "${pids[import]}" 2>/dev/null; }
fail_over() {
  local primary standby killed promoted frozen running='after the import' rewinds
  primary=$(find_primary) || fail "there is no primary"
  if [ "$primary" = db1 ]; then standby=db2; else standby=db1; fi
  rewinds=$(grep -c 'pg_rewind exit code=0' "$work/$primary.log" || true)
  ! is_import_running || running=importing
  killed=$(now)
  if [ "$fault" = freeze ]; then
    # The postmaster first, so that no process is added.
    kill -STOP "${pids[$primary]}" "$(postmaster "$primary")"
    mapfile -t frozen < <(processes "$primary")
    kill -STOP "${frozen[@]}"
  else
    kill -KILL "${pids[$primary]}" "$(postmaster "$primary")"
    wait "${pids[$primary]}" 2>/dev/null || true
  fi
  event killed "$killed" "$running"
  wait_until 60 "$standby is promoted" is_promoted "$standby" "$killed"
  event promoted "$promoted" "$standby"
  if [ "$fault" = freeze ]; then
    # Clients notice by themselves, or from HAProxy, before the connections are closed.
    sleep 10
    kill -KILL "${pids[$primary]}" "${frozen[@]}"
    wait "${pids[$primary]}" 2>/dev/null || true
  fi
  start_node "$primary"
  wait_until 120 "$primary follows $standby" is_synchronous_standby "$primary"
  if [ "$(grep -c 'pg_rewind exit code=0' "$work/$primary.log" || true)" -gt "$rewinds" ]; then
    event rejoined "$(now)" 'by pg_rewind'
  else
    event rejoined "$(now)" '**without pg_rewind**'
  fi
}

measure() {
  local status=0 imports log=$work/$connection-import.log
  superuser -d postgres -c "CREATE DATABASE directory_$connection TEMPLATE base OWNER directory"
  DATABASE_URL=$(url "$connection" "directory_$connection") LOG=warn start "service" "$PROGRAM" serve --demo never --listen 127.0.0.1:0
  wait_until 30 "the service starts" grep -q '^ *GraphQL ' "$work/service.log"
  address=$(sed -n 's|^ *GraphQL *http://\([^/]*\)/.*|\1|p' "$work/service.log" | tail -1)
  start load "$python" bench/failover/load.py "$address" "$rate" "$work/$connection.responses"
  # An import that fails is started again, so that one is running at each kill. Started once is the goal.
  DATABASE_URL=$(url "$connection" "directory_$connection") LOG=warn start import "$BASH" -c '
    for _ in $(seq 1000); do
      echo started >>"$3"
      "$0" import records "$1" >>"$2" 2>&1 && exit 0
      sleep 1
    done
    exit 1' "$PROGRAM" "$work/records.jsonl" "$log" "$work/$connection.imports"
  sleep 10
  superuser -d postgres -c CHECKPOINT
  for _ in $(seq "$kills"); do
    kill -0 "${pids[load]}" 2>/dev/null || fail "the client ended"
    kill -0 "${pids[service]}" 2>/dev/null || fail "the service ended"
    fail_over
    # Crash recovery and pg_rewind start at the last checkpoint, which this makes recent. It is every five minutes by default.
    superuser -d postgres -c CHECKPOINT
    sleep 5
  done
  event end "$(now)" -
  stop load
  wait_until $((undisturbed_seconds * 4 + 60)) "the import ends" eval '! is_import_running'
  wait "${pids[import]}" || status=$?
  unset "pids[import]"
  stop service
  mv "$work/service.log" "$work/$connection-service.log"
  imports=$(wc -l <"$work/$connection.imports")
  rows "directory_$connection" >"$work/$connection.rows"
  table+=$("$python" bench/failover/report.py "$connection" "$work/$connection.responses" "$work/$connection.events") || missed=1
  table+=$'\n'
  local different
  different=$(comm -3 "$work/undisturbed.rows" "$work/$connection.rows" | wc -l)
  summary+="- $connection: the import ended with status $status after $imports start(s); $(wc -l <"$work/$connection.rows") rows, \
$different of them differ from those of the undisturbed import ($undisturbed_seconds s)"$'\n'
  if [ "$status" != 0 ] || [ "$imports" != 1 ] || [ "$different" != 0 ]; then
    missed=1
    tail -n 5 "$log" >&2
    diff "$work/undisturbed.rows" "$work/$connection.rows" | head -5 | cut -c 1-300 >&2 || true
  fi
}

missed=0
summary=
table='| connection | kill | promoted after | first good response after the promotion | only good responses after | 200 | 503 | others | slowest response | rejoined after |
|---|---|--:|--:|--:|--:|--:|--:|--:|---|
'
for connection in "$@"; do
  echo "measuring $kills failovers ($fault, $rate requests/s): $connection" >&2
  measure
done
echo "$table"
echo "$summary"
exit "$missed"
