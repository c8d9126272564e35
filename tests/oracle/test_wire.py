# SPDX-License-Identifier: Apache-2.0
"""Framings, defaults, limits."""
import json

import pytest
from hypothesis import given, strategies as st

from oracle import wire
from oracle.fold import Event, Refused
from oracle.rules import SHARE
from byhand import T0


# ---------------------------------------------------------------- wire


def pb(number, value):
    if isinstance(value, int):
        return bytes([*vint(number << 3), *vint(value)])
    value = value.encode() if isinstance(value, str) else value
    return bytes([*vint(number << 3 | 2), *vint(len(value))]) + value


def vint(n):
    out = []
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return out + [n]


BARE = (
    pb(1, "e1") + pb(2, pb(1, 1_500_000_000) + pb(2, 123_999_999)) + pb(3, 4) + pb(4, "c1") + pb(5, "WeiBo")
)
EVENT = Event("c1", SHARE, "e1", T0 + 123, "weibo")
JSON = (
    b'{"eventId":"e1","event_time":"2017-07-14T02:40:00.123999Z","action":"share",'
    b'"contentId":"c1","channel":"WEIBO"}'
)


@pytest.mark.parametrize(
    "value, headers",
    [
        (BARE, None),
        (b"\0\0\0\0\7\0" + BARE, None),
        (b"\0\0\0\0\7\2\0" + BARE, None),
        (b"\1" + b"g" * 16 + b"\0" + BARE, None),
        (BARE, [("__value_schema_id", b"\1" + b"g" * 16)]),
        (JSON, None),
        (JSON, [("content-type", b"application/json")]),
        (
            JSON.replace(b'"share"', b'"ACTION_SHARE"').replace(
                b'"2017-07-14T02:40:00.123999Z"', b"1500000000123"
            ),
            None,
        ),
        (JSON.replace(b"T02:40:00.123999Z", b"t04:10:00.123+01:30"), None),
        (JSON.replace(b'"share"', b"4").replace(b'{', b'{"unknown":[{}],"title":null,', 1), None),
        (
            pb(3, 4) + pb(4, "c1") + pb(5, "weibo"),
            [("ce_specversion", b"1.0"), ("ce_id", b"e1"), ("ce_time", b"2017-07-14T02:40:00.123Z")],
        ),
        (BARE, [("ce_specversion", b"1.0"), ("ce_id", b"other"), ("content-type", b"application/protobuf")]),
        (
            b'{"specversion":"1.0","id":"e1","data":' + JSON.replace(b'"eventId":"e1",', b"") + b"}",
            [("Content-Type", b"application/CloudEvents+json; charset=utf-8")],
        ),
        (BARE + pb(77, "new") + pb(15, 3), None),
    ],
)
def test_every_framing_gives_the_same_event(value, headers):
    assert wire.decode(value, headers) == EVENT


@pytest.mark.parametrize(
    "value, reason",
    [
        (b"{" + b" " * 65536, "size"),
        (b"{", "decode"),
        (b"[]", "decode"),
        (b'{"a":NaN}', "decode"),
        (b"\xff", "decode"),
        (b"", "action"),
        (pb(3, 4), "content_id"),
        (pb(3, 14) + pb(4, "c"), "action"),
        (pb(3, 4) + pb(4, "c" * 257), "content_id"),
        (pb(3, 4) + pb(4, b"\xff"), "utf8"),
        (pb(3, 4) + pb(4, "a\0b"), "nul"),
        (pb(3, 4) + pb(4, "a\x85"), "control"),
        (pb(3, 4) + pb(4, "c") + pb(1, "e" * 257), "event_id"),
        (pb(3, 4) + pb(4, "c") + pb(6, "e" * 257), "id"),
        (pb(3, 4) + pb(4, "c") + pb(5, "a{b"), "channel"),
        (pb(3, 4) + pb(4, "c") + pb(5, "_x"), "channel"),
        (pb(3, 4) + pb(4, "c") + pb(5, "x" * 65), "channel"),
        (pb(3, 4) + pb(4, "c") + pb(2, pb(1, (1 << 64) - 1)), "range"),
        (pb(3, 4) + pb(4, "c") + pb(2, pb(1, 253_402_300_800)), "range"),
        (pb(3, 4) + pb(4, "c") + pb(2, pb(2, 10**9)), "range"),
        (b"\0\0\0\0\7\2\2" + BARE, "schema"),
        (b"\0\0\0\0\7\1" + BARE, "schema"),
        (b"\0\0\0", "decode"),
        (BARE[:-1], "decode"),
        (b'{"action":"share","content_id":"c","depth":-1}', "range"),
        (b'{"action":"share","content_id":"c","depth":1.5}', "decode"),
        (b'{"action":"share","content_id":"\\ud800"}', "decode"),
        (b'{"action":"share","content_id":"\\u0000"}', "nul"),
        (b'{"action":"shout","content_id":"c"}', "action"),
        (b'{"content_id":"c"}', "action"),
        (b'{"action":"share","content_id":"c","event_time":"yesterday"}', "decode"),
        (b'{"action":"share","content_id":"c","event_time":-1}', "range"),
    ],
)
def test_refused(value, reason):
    assert wire.decode(value) == Refused(reason)


def test_tombstones_and_defaults():
    assert wire.decode(None) is None
    assert wire.decode(b'{"action":"SHARE","content_id":"c","scope":"moon","count":0}') == Event("c", SHARE)
    assert wire.decode(b'{"action":"SHARE","content_id":"c","count":"5","audienceSize":"9"}') == Event(
        "c", SHARE, count=5
    )


@given(st.binary(max_size=60))
def test_decoding_never_breaks(data):
    assert isinstance(wire.decode(data), (Event, Refused))
    assert isinstance(wire.decode(b"{" + data), (Event, Refused))


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.text()
        | st.floats(allow_nan=False, allow_infinity=False),
        lambda v: st.lists(v) | st.dictionaries(st.sampled_from(sorted(wire.JSON_NAMES)), v),
        max_leaves=20,
    )
)
def test_decoding_json_never_breaks(doc):
    assert isinstance(
        wire.decode(b"{" + json.dumps({"x": doc, **(doc if isinstance(doc, dict) else {})}).encode()[1:]),
        (Event, Refused),
    )
