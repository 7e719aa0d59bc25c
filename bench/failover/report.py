"""Prints the responses around each failover as rows of a Markdown table, and exits with status 1 if a goal is missed.

    report.py CONNECTION RESPONSES EVENTS

RESPONSES is the output of load.py. EVENTS has a line per event, in order: its name, its time (seconds since 1970) and a
remark. The events of a failover are `killed`, `promoted` and `rejoined`; `end` is the end of the measurement.
"""

import sys
from collections import Counter

GOAL_SECONDS = 5
ALLOWED = {"200", "503"}


def read_events(file):
    with open(file, encoding="utf-8") as lines:
        for line in lines:
            name, when, remark = line.rstrip("\n").split("\t")
            yield name, float(when), remark


def read_responses(file):
    with open(file, encoding="utf-8") as lines:
        for line in lines:
            sent, seconds, outcome = line.rstrip("\n").split("\t")
            yield float(sent), float(seconds), outcome


def counts(responses):
    """The cells that count responses: 200, 503 and others."""
    outcomes = Counter(outcome for _, _, outcome in responses)
    others = [f"{number} × {outcome}" for outcome, number in outcomes.items() if outcome not in ALLOWED]
    return f"{outcomes['200']:,} | {outcomes['503']:,} | {', '.join(others) or '0'}", bool(others)


def main(connection, responses_file, events_file):
    events, responses = list(read_events(events_file)), list(read_responses(responses_file))
    kills = [index for index, event in enumerate(events) if event[0] == "killed"]
    is_missed = False
    # By the time of the response: a request that was sent before the kill may fail because of it.
    before = [response for response in responses if response[0] + response[1] < events[kills[0]][1]]
    cells, has_others = counts(before)
    is_missed |= has_others
    if any(outcome != "200" for _, _, outcome in before):
        print("Responses were rejected before the first failover: this machine cannot serve that RATE.", file=sys.stderr)
    print(f"| {connection} | before | – | – | – | {cells} | {max(seconds for _, seconds, _ in before):.2f} s | – |")
    for number, index in enumerate(kills, start=1):
        (_, killed, running), (_, promoted, _), (_, rejoined, how), (_, end, _) = events[index : index + 4]
        cycle = [response for response in responses if killed <= response[0] + response[1] < end]
        good = [sent + seconds for sent, seconds, outcome in cycle if outcome == "200" and sent + seconds >= promoted]
        bad = [sent + seconds for sent, seconds, outcome in cycle if outcome != "200"]
        first_good = min(good, default=end) - promoted
        # From here to the next kill, every response is good.
        last_bad = max(0.0, max(bad, default=promoted) - promoted)
        cells, has_others = counts(cycle)
        is_missed |= has_others or last_bad > GOAL_SECONDS
        print(
            f"| {connection} | {number} ({running}) | {promoted - killed:.1f} s | {first_good:.2f} s | {last_bad:.2f} s | {cells} | "
            f"{max(seconds for _, seconds, _ in cycle):.2f} s | {rejoined - promoted:.0f} s, {how} |"
        )
    return is_missed


if main(*sys.argv[1:4]):
    sys.exit(1)
