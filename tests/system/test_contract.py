# SPDX-License-Identifier: Apache-2.0
"""deploy/redis/CONTRACT.md is true: every line of it gives something, and it names every field there is."""
import json
import os
import re
import subprocess
import time

import pytest

from seeded import ACTIONS, PASSWORDS, Stack, event
from virtest import Process, eventually
from virtest.scratch import REPO

CONTRACT = (REPO / "deploy" / "redis" / "CONTRACT.md").read_text()
LINE = re.compile(r"^\| (.+?) \| [a-z/ ]+ \| `(redis-cli [^`]+)` \|$", re.M)
LINES = [match[2] for match in LINE.finditer(CONTRACT)]
ERROR = re.compile(r"^(ERR|NOPERM|WRONGTYPE|NOAUTH|WRONGPASS|Could not connect)", re.M)
WINDOWS = ("1m", "5m", "1h", "24h")


@pytest.fixture(scope="module")
def stack(kafka):
    made = Stack(kafka)
    yield made
    made.close()


def environment(stack, folder, user):
    """redis-cli finds the private server and the user by itself, so that lines run as they are written."""
    script = folder / "redis-cli"
    script.write_text(f"#!/bin/sh\nexec /usr/bin/redis-cli -s {stack.server.socket} --user {user} \"$@\"\n")
    script.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "REDISCLI_AUTH": PASSWORDS[user]}


def some_alert(stack):
    return stack.server.client(2, decode=True).xrevrange("vir:alerts", count=1)[0][1]["id"]


def test_the_contract_has_a_line_for_every_key():
    keys = re.findall(r"^\| (`vir:.+?) \| ", CONTRACT, re.M)
    assert len(keys) == len(LINES) == 19


@pytest.mark.parametrize("user", PASSWORDS)
@pytest.mark.parametrize("line", [line for line in LINES if "SUBSCRIBE" not in line])
def test_every_line_gives_something(stack, tmp_path, line, user):
    env = {**environment(stack, tmp_path, user), "ID": some_alert(stack)}
    done = subprocess.run(["bash", "-c", line], env=env, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert not ERROR.search(done.stdout), done.stdout
    assert done.stdout.strip(), line


@pytest.mark.parametrize("user", PASSWORDS)
def test_who_subscribes_hears_an_alert(stack, tmp_path, closing, user):
    line = next(line for line in LINES if "SUBSCRIBE" in line)
    ear = Process("ear", ["bash", "-c", line], env=environment(stack, tmp_path, user))
    try:
        eventually(lambda: ear.check() and "subscribe" in ear.text(), 30, "redis-cli has subscribed")
        now = int(time.time() * 1000)
        stack.produce([event(f"heard-{user}", "share", now, number) for number in range(10)], 0)
        eventually(lambda: f'"content_id":"heard-{user}"' in ear.text(), 30, "the alert is heard")
    finally:
        ear.kill()


# ------------------------------------------------------------------------------------------------ fields

def expand(word):
    """<action>s_<window> -> impressions_1m ..."""
    names = [word]
    if "<action>" in word:
        names = [name.replace("<action>", action) for name in names for action in ACTIONS]
    if "<window>" in word:
        names = [name.replace("<window>", window) for name in names for window in WINDOWS]
    return names


def fields_of(paragraph):
    """The names between backticks, of the paragraph that begins so."""
    start = CONTRACT.index(paragraph)
    text = CONTRACT[start + len(paragraph):CONTRACT.index("\n**", start + 1)]
    words = [word for span in re.findall(r"`([^`]+)`", text) for word in span.split()]
    return {name for word in words if re.fullmatch(r"[a-z0-9_<>]+", word) for name in expand(word)}


def test_a_content_has_exactly_the_fields_of_the_contract(stack):
    client = stack.server.client(decode=True)
    text = CONTRACT[CONTRACT.index("**`vir:c:{id}`**"):CONTRACT.index("**`:info`**")]
    named = {name for span in re.findall(r"`([^`]+)`", text) for name in expand(span) if re.fullmatch(r"[a-z0-9_]+", name)}
    named = {name for name in named if name not in ("author_id",)}
    one, other = client.hgetall("vir:c:{article-1}"), client.hgetall("vir:c:{article-2}")
    assert set(one) | set(other) <= named
    assert named - set(one) == {"url"}, "an address over 60 bytes is in :info alone"
    assert set(client.hgetall("vir:c:{article-1}:info")) == {"title", "url", "author_id"}
    assert client.hgetall("vir:c:{article-1}:channels").keys() == {"weibo", "qq"}


def test_merged_views_have_exactly_the_fields_of_the_contract(stack):
    client = stack.server.client(decode=True)
    named = fields_of("**`vir:ch:{channel}`, `vir:all`**") - {"1", "spread_ms", "_other"}
    assert set(client.hgetall("vir:all")) == named
    assert set(client.hgetall("vir:ch:{weibo}")) <= named
    assert client.hget("vir:all", "partial") == "1", "article-2 is three minutes behind"
    named = fields_of("**`vir:meta`**")
    assert set(client.hgetall("vir:meta")) == named
    for text in client.hgetall("vir:meta:parts").values():
        assert len([int(number) for number in text.split()]) == 4


def test_streams_have_exactly_the_fields_of_the_contract(stack):
    client = stack.server.client(decode=True)
    plurals = [f"{action}s" for action in ACTIONS]
    for key in ("vir:c:{article-1}:ts", "vir:all:ts", "vir:ch:{weibo}:ts"):
        found = client.xrange(key)
        assert found, key
        for at, fields in found:
            assert list(fields) == [*plurals, "late"]
            assert int(at.split("-")[0]) % 60000 == 0 and at.endswith("-0")
    for at, fields in client.xrange("vir:top:5m:rows"):
        assert list(fields) == "rank content title score shares velocity".split()
        assert at.split("-")[1] == fields["rank"]
    titles = {fields["content"]: fields["title"] for _, fields in client.xrange("vir:top:1h:rows")}
    assert titles["article-1"] == client.hget("vir:c:{article-1}", "title") and titles["article-2"] == "The other"


def test_alerts_have_exactly_the_fields_of_the_contract(stack):
    client = stack.server.client(2, decode=True)
    start = CONTRACT.index("**`vir:alerts`**")
    named = re.search(r"fields `(id [^`]+)`", CONTRACT[start:])[1].split()
    states = set()
    for _, fields in client.xrange("vir:alerts"):
        assert list(fields) == named
        states.add((fields["alertname"], fields["state"]))
        assert set(client.hgetall(f"vir:alert:{fields['id']}")) == set(named)
    assert {("Short", "firing"), ("Short", "resolved"), ("Spreading", "firing")} <= states
    active = [json.loads(text) for text in client.hgetall("vir:alerts:active").values()]
    assert all(list(alert) == [*named, "due_ms"] for alert in active)
    assert {("Spreading", "firing"), ("Ripening", "pending")} <= {(alert["alertname"], alert["state"]) for alert in active}


def test_boards_are_in_the_order_that_the_contract_says(stack):
    client = stack.server.client(decode=True)
    assert [name for name, _ in client.zrevrange("vir:top:1h", 0, -1, withscores=True)][0] == "article-1"
    assert client.zrevrange("vir:trending", 0, 0) == ["article-1"]
    assert client.smembers("vir:channels") == {"weibo", "qq"}
    assert client.zscore("vir:top:1h:ch:{weibo}", "article-1") == float(client.hget("vir:c:{article-1}:channels", "weibo"))
