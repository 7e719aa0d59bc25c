#!/usr/bin/env python3
"""Resolves representations as a router of a supergraph sends them, and prints how long `_entities` takes.

usage: bench/entities.py URL [COUNT]     (URL of /graphql; COUNT representations, 500 by default)

The representations are by DOI, ORCID iD, ROR ID or ID, whatever the directory has, shuffled, with duplicates. The service must have no
rate limit and no response cache (CACHE_MAX_BYTES=0). The goal is at most 60 ms.
"""

import json
import random
import sys
import time
import urllib.request

URL = sys.argv[1]
COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 500
ENTITIES = """query($representations: [_Any!]!) { _entities(representations: $representations) {
  ... on Paper { title } ... on Researcher { familyName } ... on Organization { slug } } }"""
PAPERS = """query($after: String) { papers(first: 100, after: $after) { nodes { id doi } pageInfo { endCursor hasNextPage } } }"""
PEOPLE = """query($after: String) { researchers(first: 100, after: $after) { nodes { id orcid } pageInfo { endCursor hasNextPage } } }"""
ORGANIZATIONS = """query($after: String) { organizations(first: 100, after: $after) { nodes { id ror } pageInfo { endCursor hasNextPage } } }"""


def post(query, variables):
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(URL, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        answer = json.load(response)
    if "errors" in answer:
        sys.exit(answer["errors"])
    return answer["data"]


def nodes(query, field):
    found, after = [], None
    while len(found) < 2 * COUNT:
        page = post(query, {"after": after})[field]
        found.extend(page["nodes"])
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    return found


def main():
    papers, people, organizations = nodes(PAPERS, "papers"), nodes(PEOPLE, "researchers"), nodes(ORGANIZATIONS, "organizations")
    kinds = {
        "ids of papers": [{"__typename": "Paper", "id": paper["id"]} for paper in papers],
        "DOIs": [{"__typename": "Paper", "doi": paper["doi"]} for paper in papers if paper["doi"]],
        "ORCID iDs": [{"__typename": "Researcher", "orcid": person["orcid"]} for person in people if person["orcid"]],
        "ROR IDs": [{"__typename": "Organization", "ror": one["ror"]} for one in organizations if one["ror"]],
        "ids of people": [{"__typename": "Researcher", "id": person["id"]} for person in people],
    }
    kinds["all of them"] = [representation for some in kinds.values() for representation in some]
    for name, known in kinds.items():
        if not known:
            print(f"{name}: the directory has none")
            continue
        times = []
        for _ in range(30):
            representations = random.choices(known, k=COUNT)
            began = time.monotonic()
            entities = post(ENTITIES, {"representations": representations})["_entities"]
            times.append(time.monotonic() - began)
            if len(entities) != COUNT or None in entities:
                sys.exit(f"{name}: {entities.count(None)} of {len(entities)} are null")
        times.sort()
        print(f"{COUNT} {name}: p50 {times[15] * 1000:.1f} ms, max {times[-1] * 1000:.1f} ms")


main()
