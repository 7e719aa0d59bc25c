#!/usr/bin/env python3
"""Checks that the change feed loses nothing and repeats nothing while processes are killed.

8 writers (psql, transactions with rollbacks), an import that is repeated with other values, and 3 readers over HTTP. The
service and Postgres are killed with SIGKILL in turn. In the end each reader has, of every entity, the revision of its last
change, and no reader received the same place of the feed twice.

usage: change_feed_kills.py [KILLS]     (20; needs initdb, pg_ctl and psql in PG_BINDIR or PATH, and target/debug or BIN)
"""
import json, os, random, shutil, signal, subprocess, sys, tempfile, threading, time, urllib.request

KILLS = int(sys.argv[1]) if len(sys.argv) > 1 else 20
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIN = os.environ.get("BIN", os.path.join(ROOT, "target/debug/academic-directory"))
PG = os.environ.get("PG_BINDIR")
PORT, HTTP = 55790, 55791
URL = f"postgres://postgres@127.0.0.1:{PORT}/feed"
WORK = tempfile.mkdtemp(prefix="change-feed-", dir="/tmp")
ENV = {**{k: v for k, v in os.environ.items() if k in ("PATH", "HOME")}, "DATABASE_URL": URL, "LISTEN": f"127.0.0.1:{HTTP}", "LOG": "error"}
QUERY = """query($after: String, $first: Int!) { changes(after: $after, first: $first) { cursor hasMore
  changes { id operation revision } } }"""
stop, done = threading.Event(), threading.Event()
counts = {"committed": 0, "imports": 0, "kills": 0, "pages": 0}


def pg(program, *arguments, check=True):
    path = os.path.join(PG, program) if PG else shutil.which(program)
    command = [path, *arguments]
    if os.geteuid() == 0 and program in ("initdb", "pg_ctl"):
        command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
    return subprocess.run(command, check=check, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def start_postgres():
    options = f"-p {PORT} -k {WORK} -c listen_addresses=127.0.0.1 -c fsync=off"
    for _ in range(30):
        if pg("pg_ctl", "-D", f"{WORK}/data", "-w", "-o", options, "-l", f"{WORK}/log", "start", check=False).returncode == 0:
            return
        time.sleep(0.5)
    raise SystemExit("Postgres does not start")


def start_service():
    return subprocess.Popen([BIN, "serve"], env=ENV, stdout=subprocess.DEVNULL, stderr=open(f"{WORK}/service.log", "ab"))


def write_sql(number):
    while not stop.is_set():
        person, value = random.randrange(40), random.random()
        end = "ROLLBACK" if random.random() < 0.05 else "COMMIT"
        sql = f"""BEGIN; UPDATE researcher SET homepage_url = 'https://example.org/{value}' WHERE slug = 'person-{person}';
            SELECT pg_sleep({random.random() * 0.08}); UPDATE topic SET code = '{value}' WHERE slug = 'topic-{person % 5}';
            DELETE FROM paper WHERE slug = 'paper-{random.randrange(100)}'; {end}"""
        outcome = subprocess.run([shutil.which("psql"), URL, "-qc", sql], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        counts["committed"] += outcome.returncode == 0 and end == "COMMIT"


def import_records():
    round = 0
    while not stop.is_set():
        round += 1
        with open(f"{WORK}/records.jsonl", "w") as file:
            for number in range(40):
                file.write(json.dumps({"kind": "researcher", "name": f"Person {number}", "headline": {"en": f"{round}"}}) + "\n")
            for number in range(5):
                file.write(json.dumps({"kind": "topic", "names": [{"value": f"Topic {number}", "language": "en", "kind": "LABEL"}]}) + "\n")
            for number in range(100):
                authors = [{"position": 1 + n, "name": f"Person {(number + n) % 40}"} for n in range(3)]
                file.write(json.dumps({"kind": "paper", "sourceId": f"x{number}", "title": f"Paper {number}", "type": "ARTICLE",
                    "publicationDate": "2001", "venueName": f"Venue {round}", "authors": authors}) + "\n")
        outcome = subprocess.run([BIN, "import", "records", f"{WORK}/records.jsonl"], env=ENV, stdout=subprocess.DEVNULL, stderr=open(f"{WORK}/import.log", "ab"))
        counts["imports"] += outcome.returncode == 0


def read(first, results):
    after, seen, places = None, {}, set()
    while True:
        ends = done.is_set()
        body = json.dumps({"query": QUERY, "variables": {"after": after, "first": first}}).encode()
        try:
            request = urllib.request.Request(f"http://127.0.0.1:{HTTP}/graphql", body, {"Content-Type": "application/json"})
            page = json.load(urllib.request.urlopen(request, timeout=20))
        except OSError:
            time.sleep(0.2)
            continue
        if page.get("errors"):
            if page["errors"][0]["extensions"]["code"] in ("SERVICE_UNAVAILABLE", "TIMEOUT"):
                time.sleep(0.2)
                continue
            raise SystemExit(page)
        page = page["data"]["changes"]
        counts["pages"] += 1
        for change in page["changes"]:
            place = (change["id"], change["revision"])
            if place in places:
                results.append(f"{place} twice")
            places.add(place)
            seen[change["id"]] = change["revision"]
        after = page["cursor"]
        if ends and not page["hasMore"]:
            results.append(seen)
            return


def main():
    if os.geteuid() == 0:
        shutil.chown(WORK, "postgres")
    os.chmod(WORK, 0o755)
    pg("initdb", "-D", f"{WORK}/data", "-A", "trust", "-U", "postgres")
    start_postgres()
    subprocess.run([shutil.which("psql"), URL.replace("/feed", "/postgres"), "-qc", "CREATE DATABASE feed"], check=True)
    subprocess.run([BIN, "migrate", "up"], env=ENV, check=True, stdout=subprocess.DEVNULL)
    service = start_service()
    results = [[] for _ in range(4)]
    readers = [threading.Thread(target=read, args=(first, results[index])) for index, first in enumerate([1, 20, 500])]
    writers = [threading.Thread(target=write_sql, args=(number,)) for number in range(8)] + [threading.Thread(target=import_records)]
    for thread in readers + writers:
        thread.start()
    for kill in range(KILLS):
        time.sleep(random.uniform(1, 2.5))
        if kill % 2:
            service.kill()
            service.wait()
            service = start_service()
        else:
            with open(f"{WORK}/data/postmaster.pid") as file:
                os.kill(int(file.readline()), signal.SIGKILL)
            time.sleep(0.3)
            start_postgres()
        counts["kills"] += 1
    time.sleep(2)
    stop.set()
    for thread in writers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()
    read(500, results[3])
    expected, failures = results[3][-1], []
    for name, result in zip(("first 1", "first 20", "first 500"), results):
        failures += [f"{name}: {text}" for text in result[:-1]]
        lost = [key for key in expected if result[-1].get(key) != expected[key]]
        failures += [f"{name}: lost the last change of {key}" for key in lost]
    service.terminate()
    service.wait()
    pg("pg_ctl", "-D", f"{WORK}/data", "-m", "immediate", "stop", check=False)
    shutil.rmtree(WORK)
    print(f"{counts}, {len(expected)} entities: {len(failures)} lost or repeated")
    print("\n".join(failures[:20]))
    sys.exit(bool(failures))


main()
