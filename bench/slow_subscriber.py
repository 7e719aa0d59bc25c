#!/usr/bin/env python3
"""Subscribes to the change feed with some clients that read and one that does not, while 100,000 changes are written.

usage: bench/slow_subscriber.py HOST:PORT PID DATABASE_URL [READERS [TRANSACTIONS [RATE]]]

There are 20 readers and 1,000 transactions of 100 changes, RATE of them a second; without a rate, as fast as psql writes
them, which is several times as fast as an import does, and then the readers compete with the writer for the processors.

The changes are topics, which it creates with psql and removes in the end. It prints how long after its commit the readers
had each event, how the client that does not read ended, and by how much the resident memory of the service (PID) grew. The
goals are at most 1 s (p99), and 1 MiB.
"""

import json
import selectors
import socket
import subprocess
import sys
import threading
import time
from datetime import datetime

HOST, PORT = sys.argv[1].rsplit(":", 1)
PID, DATABASE_URL = int(sys.argv[2]), sys.argv[3]
READERS = int(sys.argv[4]) if len(sys.argv) > 4 else 20
TRANSACTIONS = int(sys.argv[5]) if len(sys.argv) > 5 else 1_000
RATE = float(sys.argv[6]) if len(sys.argv) > 6 else None
QUERY = "subscription { changes(kinds: [TOPIC]) { changes { changedAt } } }"
INSERT = """INSERT INTO topic (slug, scheme, display_names, sort_names, names) SELECT 'slow-' || number, 'local', '{"en": "Slow"}',
    '{"en": "slow"}', '[]' FROM generate_series(%d, %d) AS number;"""


def frame(first, payload):
    length = len(payload)
    head = bytes([first, 0x80 | length]) if length < 126 else bytes([first, 0xFE]) + length.to_bytes(2, "big")
    return head + bytes(4) + payload


def subscribe(receive_buffer=None):
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.connect((HOST, int(PORT)))
    handshake = (
        f"GET /graphql HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
    )
    message = json.dumps({"id": "1", "type": "subscribe", "payload": {"query": QUERY}}).encode()
    connection.sendall(handshake.encode() + frame(0x81, b'{"type":"connection_init"}') + frame(0x81, message))
    received = b""
    while b"connection_ack" not in received:
        received += connection.recv(4_096)
    return connection


def take_frames(buffer):
    """The whole frames at the beginning of the buffer, which they are removed from."""
    frames = []
    while len(buffer) >= 2:
        length, start = buffer[1] & 0x7F, 2
        if length == 126:
            length, start = int.from_bytes(buffer[2:4], "big"), 4
        elif length == 127:
            length, start = int.from_bytes(buffer[2:10], "big"), 10
        if len(buffer) < start + length:
            break
        frames.append((buffer[0] & 0x0F, bytes(buffer[start : start + length])))
        del buffer[: start + length]
    return frames


def resident_kib():
    with open(f"/proc/{PID}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def write(session):
    started = time.monotonic()
    for number in range(TRANSACTIONS):
        if RATE:
            time.sleep(max(0, started + number / RATE - time.monotonic()))
        session.stdin.write(INSERT % (number * 100, number * 100 + 99) + "\n")
        session.stdin.flush()


def main():
    selector, buffers, counts, delays = selectors.DefaultSelector(), {}, {}, []
    for _ in range(READERS):
        connection = subscribe()
        selector.register(connection, selectors.EVENT_READ)
        buffers[connection], counts[connection] = bytearray(), 0
    slow = subscribe(4_096)
    time.sleep(1)
    session = subprocess.Popen(["psql", DATABASE_URL, "-qX"], stdin=subprocess.PIPE, text=True)
    # The first changes fill the buffers and the caches of the service.
    session.stdin.write(INSERT % (9_000_001, 9_009_999) + "\n")
    session.stdin.flush()
    before, started, expected = None, time.monotonic(), 9_999 + TRANSACTIONS * 100
    writer = threading.Thread(target=write, args=(session,))
    while min(counts.values()) < expected:
        if before is None and min(counts.values()) >= 9_999:
            before = resident_kib()
            writer.start()
        ready = selector.select(60)
        if not ready:
            sys.exit(f"nothing for a minute; the slowest reader has {min(counts.values())} of {expected} changes")
        for key, _ in ready:
            connection = key.fileobj
            data = connection.recv(262_144)
            if not data:
                sys.exit("the service closed the socket of a reader")
            buffers[connection] += data
            for opcode, payload in take_frames(buffers[connection]):
                if opcode == 0x9:
                    connection.send(frame(0x8A, payload))
                elif opcode == 0x1 and payload.startswith(b'{"id":"1"'):
                    changes = json.loads(payload)["payload"]["data"]["changes"]["changes"]
                    counts[connection] += len(changes)
                    if before is not None and changes:
                        last = datetime.fromisoformat(changes[-1]["changedAt"].replace("Z", "+00:00")).timestamp()
                        delays.append(time.time() - last)
    after, delays = resident_kib(), sorted(delays)
    print(f"{expected} changes for {READERS} readers in {time.monotonic() - started:.1f} s")
    print(f"after the commit: p50 {delays[len(delays) // 2]:.2f} s, p99 {delays[int(len(delays) * 0.99)]:.2f} s, max {delays[-1]:.2f} s")
    print(f"resident memory {before / 1024:.1f} MiB, later {after / 1024:.1f} MiB: {(after - before) / 1024:+.1f} MiB")
    slow.settimeout(15)
    received = 0
    try:
        while data := slow.recv(65_536):
            received += len(data)
        print(f"the client that did not read was disconnected after {received} bytes")
    except TimeoutError:
        print(f"the client that did not read caught up with {received} bytes")
    except ConnectionResetError:
        print(f"the client that did not read was disconnected after {received} bytes")
    writer.join()
    session.stdin.write("DELETE FROM topic WHERE slug LIKE 'slow-%';\n")
    session.stdin.close()
    session.wait()


main()
