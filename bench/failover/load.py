"""Sends profile queries to the service at a fixed rate until it is terminated (SIGTERM), for at most an hour.

    load.py HOST:PORT REQUESTS_PER_SECOND OUTPUT

Requests are sent at their time, whether or not earlier ones were answered (open loop). Every other one differs from all
before, so that the response cache does not have it. OUTPUT gets a line per request: the time it was sent (seconds since
1970), the seconds until its response was complete, and its outcome: the status, `200 with errors` if the response has no
data or has errors, or what happened to the connection.
"""

import asyncio
import json
import pathlib
import signal
import sys
import time

PROFILE_PAGE = (pathlib.Path(__file__).parent.parent / "queries/p.graphql").read_text()
IDS = "{ researchers(first: 100, orderBy: { field: PAPER_COUNT, direction: DESC }) { nodes { id } } }"
# The service answers within 10 s (REQUEST_TIMEOUT_SECONDS).
CLIENT_TIMEOUT_SECONDS = 15
# The service closes connections that are idle for 15 s (KEEP_ALIVE_SECONDS).
MAX_IDLE_SECONDS = 5
MAX_SECONDS = 3600


class Client:
    """An HTTP client that keeps connections for later requests."""

    def __init__(self, address):
        self.address = address
        self.host, port = address.rsplit(":", 1)
        self.port = int(port)
        self.idle = []

    async def connect(self):
        while self.idle:
            since, connection = self.idle.pop()
            if time.monotonic() - since < MAX_IDLE_SECONDS:
                return connection
            connection[1].close()
        return await asyncio.open_connection(self.host, self.port)

    async def post(self, query, variables):
        """Returns the status and the body."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        head = f"POST /graphql HTTP/1.1\r\nHost: {self.address}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        reader, writer = await self.connect()
        keep = False
        try:
            writer.write(head.encode() + body)
            await writer.drain()
            status_line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
            response = await reader.readexactly(int(headers["content-length"]))
            keep = headers.get("connection", "").lower() != "close"
            return int(status_line.split()[1]), response
        finally:
            if keep:
                self.idle.append((time.monotonic(), (reader, writer)))
            else:
                writer.close()


async def outcome(client, variables):
    try:
        status, body = await asyncio.wait_for(client.post(PROFILE_PAGE, variables), CLIENT_TIMEOUT_SECONDS)
        if status != 200:
            return str(status)
        response = json.loads(body)
        profile = (response.get("data") or {}).get("researcher")
        return "200" if profile and "errors" not in response else "200 with errors"
    except (TimeoutError, asyncio.TimeoutError):
        return "no response"
    except ConnectionRefusedError:
        return "connection refused"
    except (OSError, asyncio.IncompleteReadError):
        return "connection lost"


async def send(client, variables, output):
    sent, start = time.time(), time.monotonic()
    result = await outcome(client, variables)
    print(f"{sent:.3f}\t{time.monotonic() - start:.3f}\t{result}", file=output, flush=True)


async def main(address, rate, file):
    client = Client(address)
    status, body = await client.post(IDS, {})
    if status != 200:
        sys.exit(f"{address} answers {status}: {body.decode()}")
    ids = [node["id"] for node in json.loads(body)["data"]["researchers"]["nodes"]]
    if not ids:
        sys.exit("the directory has no researchers")
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    running, number, start = set(), 0, time.monotonic()
    with open(file, "w", encoding="utf-8") as output:
        while not stopped.is_set() and time.monotonic() - start < MAX_SECONDS:
            variables = {"id": ids[number // 2 % len(ids)]}
            if number % 2:
                variables["number"] = number
            task = asyncio.create_task(send(client, variables, output))
            running.add(task)
            task.add_done_callback(running.discard)
            number += 1
            await asyncio.sleep(max(0.0, start + number / rate - time.monotonic()))
        await asyncio.gather(*running)


asyncio.run(main(sys.argv[1], float(sys.argv[2]), sys.argv[3]))
