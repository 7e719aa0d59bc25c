#!/usr/bin/env python3
"""Opens idle subscriptions over WebSocket from many loopback addresses and measures the memory of the service.

usage: bench/subscribers.py HOST:PORT PID [SUBSCRIBERS [ADDRESSES [SECONDS]]]

The addresses are 198.19.0.1 and so on, which count as clients of their own; the script adds them to the loopback interface
and removes them, for which it needs the right to. Start the service with MAX_CONNECTIONS of a quarter more than the
subscribers. It prints the resident memory before, and SECONDS after the last connect, the CPU time and the statements of
the service in between (from /metrics), and then how long after a commit the events arrive, if DATABASE_URL is set and psql
is installed.
"""

import os
import resource
import selectors
import socket
import subprocess
import sys
import time
import urllib.request

HOST, PORT = sys.argv[1].rsplit(":", 1)
PID = int(sys.argv[2])
SUBSCRIBERS = int(sys.argv[3]) if len(sys.argv) > 3 else 10_000
ADDRESSES = int(sys.argv[4]) if len(sys.argv) > 4 else 250
SECONDS = int(sys.argv[5]) if len(sys.argv) > 5 else 60
QUERY = '{"id":"1","type":"subscribe","payload":{"query":"subscription { changes { cursor changes { id kind operation fields } } }"}}'
HANDSHAKE = (
    "GET /graphql HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)


def frame(first, payload):
    """A masked frame of up to 64 KiB; the mask is zero."""
    length = len(payload)
    head = bytes([first, 0x80 | length]) if length < 126 else bytes([first, 0xFE]) + length.to_bytes(2, "big")
    return head + bytes(4) + payload


def resident_kib():
    with open(f"/proc/{PID}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def cpu_seconds():
    with open(f"/proc/{PID}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def metric(name):
    with urllib.request.urlopen(f"http://{HOST}:{PORT}/metrics") as response:
        for line in response.read().decode().splitlines():
            if line.startswith(f"academic_directory_{name} "):
                return float(line.split()[1])
    return float("nan")


def pump(selector, seconds, on_text=None):
    """Answers pings until the time is over and none is left."""
    end = time.monotonic() + seconds
    while True:
        left = max(0, end - time.monotonic())
        ready = selector.select(min(left, 0.5))
        if not ready and left == 0:
            return
        for key, _ in ready:
            data = key.fileobj.recv(65_536)
            if not data:
                sys.exit("the service closed a socket")
            # A ping may follow an event.
            if b"\x89\x00" in data:
                key.fileobj.send(frame(0x8A, b""))
            if data[0] == 0x81 and on_text:
                on_text(key.fileobj)


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (SUBSCRIBERS + 100, max(SUBSCRIBERS + 100, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    addresses = [f"198.19.{number // 250}.{number % 250 + 1}" for number in range(ADDRESSES)]
    for address in addresses:
        subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
    selector, sockets = selectors.DefaultSelector(), []
    try:
        before = resident_kib()
        started = time.monotonic()
        for number in range(SUBSCRIBERS):
            connection = socket.socket()
            connection.bind((addresses[number % ADDRESSES], 0))
            connection.connect((HOST, int(PORT)))
            connection.sendall(HANDSHAKE.format(host=HOST).encode() + frame(0x81, b'{"type":"connection_init"}') + frame(0x81, QUERY.encode()))
            sockets.append(connection)
            received = b""
            while b"connection_ack" not in received:
                part = connection.recv(4_096)
                if not part:
                    sys.exit(f"refused after {number} subscribers: {received[:200]}")
                received += part
            selector.register(connection, selectors.EVENT_READ)
            if number % 200 == 199:
                pump(selector, 0)
        print(f"{SUBSCRIBERS} sockets in {time.monotonic() - started:.1f} s")
        while metric("subscriptions") < SUBSCRIBERS:
            pump(selector, 0.2)
        cpu = cpu_seconds()
        pump(selector, SECONDS)
        after = resident_kib()
        print(f"streams {metric('streams'):.0f}, subscriptions {metric('subscriptions'):.0f}")
        print(f"resident memory {before / 1024:.1f} MiB before, {after / 1024:.1f} MiB {SECONDS} s after the last connect")
        print(f"{(after - before) / 1024:.1f} MiB more, {(after - before) / SUBSCRIBERS:.1f} KiB each")
        print(f"CPU {100 * (cpu_seconds() - cpu) / SECONDS:.1f} %")
        if os.environ.get("DATABASE_URL"):
            measure_events(selector)
    finally:
        for connection in sockets:
            connection.close()
        for address in addresses:
            subprocess.run(["ip", "address", "del", f"{address}/32", "dev", "lo"], check=False)


def measure_events(selector):
    """How long after a commit each subscriber has its event."""
    sql = "UPDATE topic SET slug = slug || '-x' WHERE id = (SELECT min(id) FROM topic)"
    subprocess.run(["psql", os.environ["DATABASE_URL"], "-qc", sql], check=True)
    committed, times = time.monotonic(), {}
    pump(selector, 20, lambda connection: times.setdefault(connection.fileno(), time.monotonic() - committed))
    ordered = sorted(times.values())
    if ordered:
        print(f"{len(ordered)} events: p50 {ordered[len(ordered) // 2]:.2f} s, p99 {ordered[int(len(ordered) * 0.99)]:.2f} s, max {ordered[-1]:.2f} s")


main()
