# SPDX-License-Identifier: Apache-2.0
"""Made-up events as records of every wire format, and records that must be refused.

The events are viralctl's; the bytes are made here, by the words of event.proto and of the framings.
"""
import base64
import json
import random

from fleet import viralctl
from oracle.wire import ENUMS, FIELDS
from virtest import Record

NUMBERS = {name: (number, kind) for number, (name, kind) in FIELDS.items()}
FORMATS = ("protobuf", "json", "confluent", "confluent-guid", "ce-binary", "ce-structured", "ce-structured-base64")


def simulated(count, seed, *args):
    """`count` events as dictionaries, their times up to now."""
    text = viralctl("simulate", "--fast", "--json", "--events", count, "--seed", seed, *args)
    return [json.loads(line) for line in text.splitlines()]


# ---------------------------------------------------------------- protobuf

def varint(n):
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def field(number, value):
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3) + varint(int(value))


def protobuf(event):
    return b"".join(one_field(*NUMBERS[name], value) for name, value in event.items())


def one_field(number, kind, value):
    if kind == "string":
        return field(number, value.encode())
    if kind in ENUMS:
        return field(number, ENUMS[kind][f"{kind.upper()}_{value}"])
    if kind == "google.protobuf.Timestamp":
        ms = ms_of(value)
        return field(number, field(1, ms // 1000) + field(2, ms % 1000 * 1_000_000))
    if kind.startswith("map<"):
        return b"".join(field(number, field(1, k.encode()) + field(2, v.encode())) for k, v in value.items())
    return field(number, int(value))


def ms_of(text):
    """2026-01-01T00:00:00.123Z, or milliseconds."""
    if isinstance(text, int):
        return text
    from datetime import datetime, timezone
    at = datetime.strptime(text.rstrip("Z"), "%Y-%m-%dT%H:%M:%S.%f" if "." in text else "%Y-%m-%dT%H:%M:%S")
    return round(at.replace(tzinfo=timezone.utc).timestamp() * 1000)


# ---------------------------------------------------------------- framing

def written(event, form):
    """(value, headers)"""
    if form == "protobuf":
        return protobuf(event), None
    if form == "json":
        return json.dumps(event).encode(), None
    if form == "confluent":
        return b"\x00" + (7).to_bytes(4, "big") + b"\x00" + protobuf(event), None
    if form == "confluent-guid":
        return protobuf(event), [("__value_schema_id", b"\x01" + bytes(range(16)))]
    cloud = {"specversion": "1.0", "id": event.get("event_id", "-"), "source": "/test", "type": "virality.v1.Event"}
    if form == "ce-binary":
        headers = [(f"ce_{name}", value.encode()) for name, value in cloud.items()]
        return protobuf(event), headers + [("content-type", b"application/protobuf")]
    if form == "ce-structured":
        text = {**cloud, "datacontenttype": "application/json", "data": event}
    else:
        text = {**cloud, "datacontenttype": "application/protobuf", "data_base64": base64.b64encode(protobuf(event)).decode()}
    return json.dumps(text).encode(), [("content-type", b"application/cloudevents+json; charset=utf-8")]


def record(event, form="protobuf", **more):
    value, headers = written(event, form)
    return Record(event["content_id"].encode(), value, headers=headers, **more)


def mixed(events, seed):
    """Every event in a format of its own."""
    chosen = random.Random(seed)
    return [record(event, chosen.choice(FORMATS)) for event in events]


# ---------------------------------------------------------------- what must be refused

def share(content_id="c", **more):
    return {"content_id": content_id, "action": "SHARE", **more}


# reason -> value
REFUSED = {
    "decode": b"\xff\xff\xff not an event",
    "size": b"{" + b" " * 65536 + b"}",
    "content_id": protobuf({"action": "SHARE", "event_id": "x"}),
    "action": protobuf({"content_id": "c"}),
    "utf8": protobuf(share("c")) + field(19, b"\xc3\x28"),
    "nul": protobuf(share(title="a\0b")),
    "control": protobuf(share(title="a\x1bb")),
    "channel": protobuf(share(channel="_mine")),
    "time_ahead": protobuf(share(event_time=4_000_000_000_000)),
    "schema": b"\x00\x00\x00\x00\x07\x02\x02" + protobuf(share()),
}


def refused(count, seed):
    """Records that cannot be used: [(reason, Record)]"""
    chosen = random.Random(seed)
    out = []
    for number in range(count):
        reason = chosen.choice(sorted(REFUSED))
        out.append((reason, Record(f"bad-{number}".encode(), REFUSED[reason], headers=[("mine", str(number).encode())])))
    return out


def spread(records, others, seed):
    """`others` at random places among `records`."""
    chosen = random.Random(seed)
    places = sorted(chosen.randrange(len(records) + 1) for _ in others)
    out, at = [], 0
    for place, other in zip(places, others):
        out += records[at:place] + [other]
        at = place
    return out + records[at:]
