# SPDX-License-Identifier: Apache-2.0
"""Bytes of a record to an Event, a Refused, or None for a tombstone.

The names, numbers and types of the fields are read from proto/virality/v1/event.proto itself.
"""
import base64
import binascii
import json
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
        if byte < 0x80:
            return value & (1 << 64) - 1, at
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


def timestamp_of(raw, before):
    seconds, nanos = before
    for number, kind, value in wire_fields(raw):
        if number == 1 and kind == 0:
            seconds = signed(value, 64)
        if number == 2 and kind == 0:
            nanos = signed(value, 32)
    return seconds, nanos


def proto_values(data):
    out, times = {}, {}
    for number, kind, value in wire_fields(data):
        name, type_ = FIELDS.get(number, (None, None))
        if type_ == "string" and kind == 2:
            out[name] = text_of(value)
        elif type_ in ("uint32", "uint64") and kind == 0:
            out[name] = value & (1 << int(type_[4:])) - 1
        elif type_ == "bool" and kind == 0:
            out[name] = value != 0
        elif type_ in ENUMS and kind == 0:
            out[name] = signed(value, 32)
        elif type_ == "google.protobuf.Timestamp" and kind == 2:
            times[name] = timestamp_of(value, times.get(name, (0, 0)))
        elif type_ and type_.startswith("map<") and kind == 2:
            entry = out.setdefault(name, {})
            pair = {1: "", 2: ""}
            for n, k, v in wire_fields(value):
                if n in pair and k == 2:
                    pair[n] = text_of(v)
            entry[pair[1]] = pair[2]
    for name, (seconds, nanos) in times.items():
        if not 0 <= nanos < 1_000_000_000:
            raise Bad("range")
        out[name] = seconds * 1000 + nanos // 1_000_000
    return out


# ---------------------------------------------------------------- JSON

RFC3339 = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$")
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def json_load(data):
    def never(_):
        raise Bad("decode")

    try:
        return json.loads(text_of(data), parse_constant=never)
    except (ValueError, RecursionError):
        raise Bad("decode") from None


def rfc3339_ms(text):
    m = RFC3339.match(text)
    if not m:
        raise Bad("decode")
    try:
        at = datetime(*(int(g) for g in m.groups()[:6]), tzinfo=timezone.utc)
    except ValueError:
        raise Bad("decode") from None
    zone = m.group(8)
    minutes = 0
    if zone not in "Zz":
        minutes = (int(zone[1:3]) * 60 + int(zone[4:6])) * (1 if zone[0] == "+" else -1)
    ms = (at - EPOCH) // timedelta(milliseconds=1) + int((m.group(7) or "").ljust(9, "0")[:3])
    return ms - minutes * 60_000


def json_int(value, bits):
    if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
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
        return names.get(value.upper(), -1)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
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
        elif not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
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
        elif isinstance(value, dict):
            for k, v in value.items():
                check_text(k)
                check_text(v)
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


def zigzag(data, at):
    raw, at = varint(data, at)
    return (raw >> 1) ^ -(raw & 1), at


def skip_index(data):
    """Confluent's index path must be [0], written as 00 or as 02 00."""
    count, at = zigzag(data, 0)
    if count == 0:
        return data[at:]
    if count != 1:
        raise Bad("schema")
    index, at = zigzag(data, at)
    if index != 0:
        raise Bad("schema")
    return data[at:]


def payload_values(data, content_type="", framed_by_header=False):
    kind = content_type.split(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json") or kind == "text/json":
        return json_values(json_load(data))
    if data[:1] == b"{":
        return json_values(json_load(data))
    if not framed_by_header and data[:1] in (b"\x00", b"\x01"):
        n = 5 if data[0] == 0 else 17
        if len(data) < n + 1:
            raise Bad("decode")
        data = skip_index(data[n:])
    return proto_values(data)


def structured(data):
    doc = json_load(data)
    if not isinstance(doc, dict):
        raise Bad("decode")
    if isinstance(doc.get("data"), dict):
        values = json_values(doc["data"])
    elif isinstance(doc.get("data_base64"), str):
        try:
            raw = base64.b64decode(doc["data_base64"], validate=True)
        except (binascii.Error, ValueError):
            raise Bad("decode") from None
        values = payload_values(raw, str(doc.get("datacontenttype") or ""))
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
    try:
        if content_type.strip().lower().startswith("application/cloudevents"):
            values = with_cloud_event(*structured(value))
        else:
            guid = named.get("__value_schema_id", b"")
            values = payload_values(
                value, content_type if "ce_specversion" in named else "", len(guid) >= 17 and guid[0] == 1
            )
            if "ce_specversion" in named:
                values = with_cloud_event(
                    values, text_of(named.get("ce_id", b"")), text_of(named.get("ce_time", b""))
                )
        return event_of(values)
    except Bad as bad:
        return Refused(bad.args[0])
