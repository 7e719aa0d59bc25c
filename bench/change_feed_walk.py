#!/usr/bin/env python3
"""Walks the whole change feed over HTTP, and prints the changes per second and how long pages take.

usage: bench/change_feed_walk.py URL [FIRST]     (URL of /graphql; FIRST changes a page, 500 by default)

The service must have no rate limit and no response cache (CACHE_MAX_BYTES=0). The goals are at least 5,000 changes per
second, and pages of at most 20 ms (p95).
"""

import json
import sys
import time
import urllib.request

URL = sys.argv[1]
FIRST = int(sys.argv[2]) if len(sys.argv) > 2 else 500
QUERY = """query($after: String, $first: Int!) { changes(after: $after, first: $first) { cursor hasMore
  changes { id kind operation fields changedAt } } }"""


def page(after):
    body = json.dumps({"query": QUERY, "variables": {"after": after, "first": FIRST}}).encode()
    request = urllib.request.Request(URL, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        answer = json.load(response)
    if "errors" in answer:
        sys.exit(answer["errors"])
    return answer["data"]["changes"]


def main():
    times, after, entities, has_more = [], None, set(), True
    started = time.monotonic()
    while has_more:
        began = time.monotonic()
        changes = page(after)
        times.append(time.monotonic() - began)
        for change in changes["changes"]:
            if change["id"] in entities:
                sys.exit(f"{change['id']} occurs twice")
            entities.add(change["id"])
        after, has_more = changes["cursor"], changes["hasMore"]
    seconds, times = time.monotonic() - started, sorted(times)
    print(f"{len(entities)} changes in {seconds:.1f} s: {len(entities) / seconds:.0f} per second")
    print(f"{len(times)} pages of {FIRST}: p50 {times[len(times) // 2] * 1000:.1f} ms, p95 {times[int(len(times) * 0.95)] * 1000:.1f} ms")


main()
