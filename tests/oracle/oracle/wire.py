# SPDX-License-Identifier: Apache-2.0
"""Bytes of a record to an Event, a Refused, or None for a tombstone.

The names, numbers and types of the fields are read from proto/virality/v1/event.proto itself.
"""
import base64
import json
import math
import os
import re
from datetime import datetime, timedelta, timezone

from .model import Event, Refused
from .rules import ACTIONS

PROTO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../proto/virality/v1/event.proto")
RECORD_MOST = 64 * 1024
TIME_MOST = 253_402_300_799_999  # the last millisecond of 9999
CHANNEL_MOST = 64
# Most bytes of a text and the reason when it is longer.
LIMITS = {
    "event_id": (256, "event_id"),
    "content_id": (256, "content_id"),
    "actor_id": (256, "id"),
    "parent_event_id": (256, "id"),
    "root_event_id": (256, "id"),
    "author_id": (256, "id"),
    "content_type": (256, "range"),
    "title": (1024, "range"),
    "url": (2048, "range"),
}


class Bad(Exception):
    """args[0] is the reason."""


def read_proto(path=PROTO):
    """number -> (name, type) of message Event, and enum name -> {value name: number}."""
    with open(path) as f:
        text = re.sub(r"//[^\n]*", "", f.read())
    fields, enums = {}, {}
    body = re.search(r"message\s+Event\s*\{(.*?)\}", text, re.S).group(1)
    for kind, name, number in re.findall(r"((?:map<[^>]*>)|[\w.]+)\s+(\w+)\s*=\s*(\d+)\s*;", body):
        fields[int(number)] = (name, kind)
    for name, body in re.findall(r"enum\s+(\w+)\s*\{(.*?)\}", text, re.S):
        enums[name] = {n: int(v) for n, v in re.findall(r"(\w+)\s*=\s*(\d+)\s*;", body)}
    return fields, enums


FIELDS, ENUMS = read_proto()
KINDS = {name: kind for name, kind in FIELDS.values()}


# ---------------------------------------------------------------- protobuf


def varint(data, at):
    value = 0
    for i in range(10):
        if at >= len(data):
            raise Bad("decode")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80 and value < 1 << 64:
            return value, at
    raise Bad("decode")


def signed(value, bits):
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def wire_fields(data):
    """(number, wire type, value) of each field; value is an int or bytes."""
    at, out = 0, []
    while at < len(data):
        tag, at = varint(data, at)
        number, kind = tag >> 3, tag & 7
        if number == 0 or number > 0x1FFFFFFF:
            raise Bad("decode")
        if kind == 0:
            value, at = varint(data, at)
        elif kind in (1, 2, 5):
            n = {1: 8, 5: 4}.get(kind)
            if n is None:
                n, at = varint(data, at)
            if at + n > len(data):
                raise Bad("decode")
            value, at = data[at : at + n], at + n
        else:
            raise Bad("decode")
        out.append((number, kind, value))
    return out


def text_of(raw):
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Bad("utf8") from None


def known_fields(data, kinds):
    """Of wire_fields those whose number is in kinds; each must have the wire type that stands there."""
    for number, kind, value in wire_fields(data):
        if number in kinds:
            if kind != kinds[number]:
                raise Bad("decode")
            yield number, value


def timestamp_of(raw, before):
    seconds, nanos = before
    for number, value in known_fields(raw, {1: 0, 2: 0}):
        if number == 1:
            seconds = signed(value, 64)
        else:
            nanos = signed(value, 32)
    return seconds, nanos


def is_number(type_):
    return type_ in ("uint32", "uint64", "bool") or type_ in ENUMS


def proto_values(data):
    out, times, texts = {}, {}, {}
    for number, value in known_fields(data, {n: 0 if is_number(type_) else 2 for n, (_, type_) in FIELDS.items()}):
        name, type_ = FIELDS[number]
        if type_ == "string":
            texts[name] = value
        elif type_ in ("uint32", "uint64"):
            out[name] = value
        elif type_ == "bool":
            out[name] = value != 0
        elif type_ in ENUMS:
            out[name] = signed(value, 32)
        elif type_ == "google.protobuf.Timestamp":
            times[name] = timestamp_of(value, times.get(name, (0, 0)))
        else:
            out.setdefault(name, []).extend(text_of(v) for _, v in known_fields(value, {1: 2, 2: 2}))
    for name, value in texts.items():  # of a field that is there twice only the last counts
        out[name] = text_of(value)
    for name in ("depth", "count"):
        if out.get(name, 0) >= 1 << 32:
            raise Bad("range")
    for name, (seconds, nanos) in times.items():
        if not 0 <= nanos < 1_000_000_000:
            raise Bad("range")
        out[name] = seconds * 1000 + nanos // 1_000_000
    return out


# ---------------------------------------------------------------- JSON

RFC3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-5][0-9]):([0-5][0-9]|60)(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))"
)
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
DEPTH_MOST = 32


def json_load(data):
    """No number beyond 64 bits or a double, no half of a surrogate pair, no NUL in a name, and not nested deeper than 32."""

    def never(_):
        raise Bad("decode")

    def whole(digits):
        value = int(digits)
        return value if -(1 << 63) <= value < 1 << 63 else never(value)

    def real(digits):
        value = float(digits)
        return value if math.isfinite(value) else never(value)

    try:
        doc = json.loads(text_of(data), parse_constant=never, parse_int=whole, parse_float=real)
    except (ValueError, RecursionError):
        raise Bad("decode") from None
    check_json(doc, DEPTH_MOST)
    return doc


def check_json(value, depth):
    if isinstance(value, str) and SURROGATE.search(value):
        raise Bad("decode")
    if isinstance(value, (dict, list)):
        if depth == 0:
            raise Bad("decode")
        for one in value:
            check_json(one, depth - 1)
    if isinstance(value, dict):
        if any("\0" in name for name in value):
            raise Bad("decode")
        for one in value.values():
            check_json(one, depth - 1)


def rfc3339_ms(text):
    m = RFC3339.fullmatch(text)
    if not m:
        raise Bad("decode")
    year, month, day, hour, minute, second = (int(g) for g in m.groups()[:6])
    try:
        at = datetime(year, month, day, hour, minute, tzinfo=timezone.utc)
    except ValueError:
        raise Bad("decode") from None
    sign, hours, minutes = m.groups()[7:]
    zone = (int(hours) * 60 + int(minutes)) * (1 if sign == "+" else -1) if sign else 0
    ms = (at - EPOCH) // timedelta(milliseconds=1) + second * 1000 + int((m.group(7) or "").ljust(3, "0")[:3])
    return ms - zone * 60_000


def json_int(value, bits):
    if isinstance(value, str) and re.fullmatch("[0-9]+", value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Bad("decode")
    if not 0 <= value < 1 << bits:
        raise Bad("range")
    return value


def json_time(value):
    if isinstance(value, str):
        return rfc3339_ms(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Bad("decode")
    return value


def json_enum(value, type_):
    if isinstance(value, str):
        names = {}
        prefix = re.sub(r"(?<!^)(?=[A-Z])", "_", type_).upper() + "_"
        for name, number in ENUMS[type_].items():
            names[name] = names[name[len(prefix) :]] = number
        return names.get(value.upper() if value.isascii() else "", -1)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Bad("action" if type_ == "Action" else "decode")
    return value


def camel(name):
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


JSON_NAMES = {form(name): name for name in KINDS for form in (str, camel)}


def json_values(doc):
    if not isinstance(doc, dict):
        raise Bad("decode")
    out = {}
    for key, value in doc.items():
        name = JSON_NAMES.get(key)
        if name is None or value is None:
            continue
        type_ = KINDS[name]
        if type_ == "string":
            if not isinstance(value, str):
                raise Bad("decode")
        elif type_ in ("uint32", "uint64"):
            value = json_int(value, int(type_[4:]))
        elif type_ == "bool":
            if not isinstance(value, bool):
                raise Bad("decode")
        elif type_ in ENUMS:
            value = json_enum(value, type_)
        elif type_ == "google.protobuf.Timestamp":
            value = json_time(value)
        elif isinstance(value, dict) and all(isinstance(v, str) for v in value.values()):
            value = [*value.keys(), *value.values()]
        else:
            raise Bad("decode")
        out[name] = value
    return out


# ---------------------------------------------------------------- limits

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
SURROGATE = re.compile("[\ud800-\udfff]")


def check_text(text):
    if text.isascii() and text.isprintable():
        return
    if SURROGATE.search(text):
        raise Bad("utf8")
    if "\0" in text:
        raise Bad("nul")
    if CONTROL.search(text):
        raise Bad("control")


def channel_of(text):
    text = re.sub("[A-Z]+", lambda m: m.group().lower(), text)
    if len(text.encode()) > CHANNEL_MOST or "{" in text or "}" in text or text.startswith("_"):
        raise Bad("channel")
    return text or "unknown"


def event_of(values):
    for name, value in values.items():
        if isinstance(value, str):
            check_text(value)
            most, reason = LIMITS.get(name, (None, None))
            if most is not None and len(value) * 4 > most and len(value.encode()) > most:
                raise Bad(reason)
        elif isinstance(value, list):
            for text in value:
                check_text(text)
        elif KINDS[name] == "google.protobuf.Timestamp" and not 0 <= value <= TIME_MOST:
            raise Bad("range")
    action = values.get("action", 0)
    if not 1 <= action <= len(ACTIONS):
        raise Bad("action")
    if not values.get("content_id"):
        raise Bad("content_id")
    shown = (
        "event_id",
        "event_time",
        "actor_id",
        "parent_event_id",
        "parent_event_time",
        "depth",
        "title",
        "content_type",
        "url",
        "author_id",
    )
    return Event(
        content_id=values["content_id"],
        action=action - 1,
        count=values.get("count", 0) or 1,
        channel=channel_of(values.get("channel", "")),
        **{name: values[name] for name in shown if name in values},
    )


# ---------------------------------------------------------------- framing


PREFIX = {0: 5, 1: 17}  # bytes of a schema's id or GUID, with the byte that says which


def schema_path(data):
    """The bytes of Confluent's index path, which must be [0]: written as 00 or as 02 00."""
    for path in (b"\x00", b"\x02\x00"):
        if data.startswith(path):
            return len(path)
    raise Bad("schema")


def bare_values(data):
    return json_values(json_load(data)) if data[:1] == b"{" else proto_values(data)


def payload_values(data):
    prefix = PREFIX.get(data[0]) if data else None
    if prefix is None:
        return bare_values(data)
    if len(data) <= prefix:
        raise Bad("decode")
    data = data[prefix:]
    return bare_values(data if data[:1] == b"{" else data[schema_path(data) :])


def header_framed(schema, data):
    prefix = PREFIX.get(schema[0]) if schema else None
    if prefix is None or len(schema) < prefix:
        raise Bad("schema")
    path = schema[prefix:]
    if path and schema_path(path) != len(path):
        raise Bad("schema")
    return bare_values(data)


BASE64 = re.compile("[A-Za-z0-9+/]*")


def base64_bytes(text):
    """Padding may be left out, and bits beyond the last whole byte are nothing."""
    text = text.rstrip("=")
    if not BASE64.fullmatch(text):
        raise Bad("decode")
    rest = len(text) % 4
    return base64.b64decode(text[: len(text) - 1] if rest == 1 else text + "=" * (-rest % 4))


def structured(data):
    doc = json_load(data)
    if not isinstance(doc, dict):
        raise Bad("decode")
    if "data" in doc:
        values = json_values(doc["data"])
    elif isinstance(doc.get("data_base64"), str):
        values = payload_values(base64_bytes(doc["data_base64"]))
    else:
        raise Bad("decode")
    return values, doc.get("id"), doc.get("time")


def with_cloud_event(values, ident, time):
    if not values.get("event_id") and isinstance(ident, str):
        values["event_id"] = ident
    if not values.get("event_time") and isinstance(time, str) and time:
        values["event_time"] = rfc3339_ms(time)
    return values


def decode(value, headers=None):
    """headers: [(name, bytes or None)]."""
    if value is None:
        return None
    if len(value) > RECORD_MOST:
        return Refused("size")
    named = {}
    for name, raw in headers or []:
        named.setdefault(name.lower(), raw or b"")
    content_type = named.get("content-type", b"").decode(errors="replace")
    if not value and "ce_specversion" in named:
        return None  # an event without data
    try:
        if content_type.lower().startswith("application/cloudevents"):
            values = with_cloud_event(*structured(value))
        else:
            binary = "ce_specversion" in named
            if binary and content_type.lower().startswith("application/json"):
                values = json_values(json_load(value))
            elif "__value_schema_id" in named and not binary:
                values = header_framed(named["__value_schema_id"], value)
            else:
                values = payload_values(value)
            if binary:
                values = with_cloud_event(values, text_of(named.get("ce_id", b"")), text_of(named.get("ce_time", b"")))
        return event_of(values)
    except Bad as bad:
        return Refused(bad.args[0])
