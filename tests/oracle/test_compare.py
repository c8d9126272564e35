# SPDX-License-Identifier: Apache-2.0
"""The comparer accepts what is right and sees what is wrong; so does the command."""
import json

import pytest

import render
from oracle import compare, rules
from oracle.fold import Config, Event, Partition
from oracle.model import HOUR
from oracle.rules import SHARE, UNSHARE
from byhand import LIKE, T0, rule


# ---------------------------------------------------------------- comparer


def sample(partitions=2):
    text = json.dumps(
        {
            "groups": [
                {
                    "name": "g",
                    "rules": [
                        {
                            "alert": "Hot",
                            "expr": 'shares{window="5m"} > 5',
                            "labels": {"severity": "page"},
                            "annotations": {"s": "x"},
                        },
                        {"alert": "Slow", "expr": "shares_total > 3", "for": "1h"},
                    ],
                }
            ]
        }
    )
    out = [Partition("t", i, Config(ts_min_events=5), rules.load(text)) for i in range(partitions)]
    for i in range(400):
        p = out[i % partitions]
        cid = f"c{i % partitions}-{i * i % 17}"
        action = (SHARE, SHARE, LIKE, UNSHARE)[i % 4 if i % 7 else 0]
        p.record(
            p.offset,
            T0 + i * 3000,
            b"",
            Event(
                cid,
                action,
                event_time=T0 + i * 3000 - i % 5 * 700,
                channel="xyz"[i % 3],
                actor_id=str(i * i % 90),
                depth=i % 4,
                parent_event_id="p" if i % 4 else "",
                count=1 + i % 2,
                title="t" * (i % 70),
            ),
        )
    return out


def test_compare_accepts_what_is_right(databases):
    partitions = sample()
    render.write(*databases, partitions)
    report = compare.compare(
        *databases,
        partitions,
        fresh=True,
        need=("fields", "windows", "alerts", "active", "contents", "minutes", "board_rows", "trending"),
    )
    assert report.ok, report.text()


def test_compare_accepts_views_that_drained(databases):
    partitions = sample()
    render.write(
        *databases, partitions, {p.name: p.stream_ms + 100_000 + 7 * p.partition for p in partitions}
    )
    report = compare.compare(*databases, partitions, fresh=True)
    assert report.ok, report.text()


def test_boards_of_channels_at_the_views_of_their_partitions(databases):
    partitions = sample()
    views = {p.name: p.stream_ms + p.partition * 48 * HOUR for p in partitions}
    render.write(*databases, partitions, views)
    report = compare.compare(*databases, partitions)
    assert report.ok, report.text()
    assert compare.surely_first({"x": 1}) == {"x"}
    assert not compare.surely_first({str(i): 1 for i in range(65)})


def first_with(p, name):
    return next(c for c in p.contents if p.content_hash(c, p.stream_ms).get(name, "0") != "0")


def break_window(live, alerts, p):
    live.hincrby(f"vir:c:{{{first_with(p, 'shares_5m')}}}", "shares_5m", 1)


def break_missing_content(live, alerts, p):
    live.delete(f"vir:c:{{{sorted(p.contents)[0]}}}")


def break_zero(live, alerts, p):
    live.hset(f"vir:c:{{{sorted(p.contents)[0]}}}", "hides_1m", 1)


def break_old_view(live, alerts, p):
    cid = max(p.contents, key=lambda c: p.contents[c].touched_ms)
    live.hset(f"vir:c:{{{cid}}}", "as_of_ms", p.contents[cid].touched_ms - 1)


def break_stale(live, alerts, p):
    cid = min(
        (c for c in p.contents if p.contents[c].all.totals[SHARE]), key=lambda c: p.contents[c].touched_ms
    )
    at = p.contents[cid].touched_ms
    live.delete(f"vir:c:{{{cid}}}")
    render.write_hash(live, f"vir:c:{{{cid}}}", {**p.content_hash(cid, at), "as_of_ms": at})
    live.hset("vir:meta:parts", p.name, f"{p.offset} {p.stream_ms} {p.stream_ms + HOUR} 1")


def break_extra_key(live, alerts, p):
    live.hset("vir:c:{ghost}", "content_id", "ghost")


def break_minutes(live, alerts, p):
    key = next(k for k in live.scan_iter("vir:c:*:ts"))
    live.xdel(key, live.xrange(key)[0][0])


def break_board(live, alerts, p):
    live.zincrby("vir:top:1h", 1, live.zrange("vir:top:1h", 0, 0)[0])


def break_channel_board(live, alerts, p):
    live.delete("vir:top:24h:ch:{x}")


def break_rows(live, alerts, p):
    live.xtrim("vir:top:1h:rows", maxlen=1, approximate=False)


def break_trending(live, alerts, p):
    live.zincrby("vir:trending", 0.5, live.zrange("vir:trending", 0, 0)[0])


def break_channel(live, alerts, p):
    live.hincrby("vir:ch:{x}", "likes_total", 1)


def break_all(live, alerts, p):
    live.hdel("vir:all", "shares_24h")


def break_alert_missing(live, alerts, p):
    alerts.xdel("vir:alerts", alerts.xrange("vir:alerts")[0][0])


def break_alert_twice(live, alerts, p):
    alerts.xadd("vir:alerts", alerts.xrange("vir:alerts")[0][1])


def break_alert_order(live, alerts, p):
    ident, fields = alerts.xrange("vir:alerts")[0]
    alerts.xdel("vir:alerts", ident)
    alerts.xadd("vir:alerts", fields)


def break_alert_field(live, alerts, p):
    alerts.hset(next(alerts.scan_iter("vir:alert:*")), "starts_ms", 5)


def break_active(live, alerts, p):
    alerts.hdel("vir:alerts:active", alerts.hkeys("vir:alerts:active")[0])


def break_parts(live, alerts, p):
    live.hset("vir:meta:parts", p.name, f"{p.offset - 1} {p.stream_ms} {p.stream_ms} 1")


def break_type(live, alerts, p):
    live.delete("vir:all")
    live.set("vir:all", "1")


@pytest.mark.parametrize(
    "wrong", [f for n, f in sorted(globals().items()) if n.startswith("break_")], ids=lambda f: f.__name__[6:]
)
def test_compare_sees_what_is_wrong(databases, wrong):
    partitions = sample()
    render.write(*databases, partitions)
    wrong(*databases, partitions[0])
    assert not compare.compare(*databases, partitions, fresh=True).ok


def test_compare_of_nothing_fails(databases):
    partitions = sample()
    for p in partitions:
        p.set_rules(())
        del p.alerts[:]
        p.latest.clear()
    render.write(*databases, partitions)
    report = compare.compare(*databases, partitions)
    assert report.differences == ["nothing compared: alerts is 0"]


def test_uniques_beyond_64():
    assert compare.close_uniques("64", 64) and not compare.close_uniques("65", 64)
    assert compare.close_uniques("1080", 1000) and not compare.close_uniques("1090", 1000)


# ---------------------------------------------------------------- a topic


def test_check_topic_on_a_mock_cluster(databases, redis_url, tmp_path, capsys):
    kafka = pytest.importorskip("confluent_kafka")
    from oracle import check_topic

    producer = kafka.Producer({"bootstrap.servers": "127.0.0.1:1", "test.mock.num.brokers": 1})
    brokers = ",".join(f"{b.host}:{b.port}" for b in producer.list_topics(timeout=20).brokers.values())
    for i in range(300):
        body = {"action": "share", "content_id": f"c{i % 7}", "event_time": T0 + i * 500, "channel": "x"}
        producer.produce(
            "t", json.dumps(body) if i % 10 else b"{", partition=i % 7 % 4, timestamp=T0 + i * 500
        )
    assert producer.flush(30) == 0
    path = tmp_path / "rules.yaml"
    path.write_text(rule('shares{window="1m"} > 4'))
    records, ends = check_topic.read_topic(brokers, "t")
    assert sum(map(len, records.values())) == 300 == sum(ends.values())
    partitions = check_topic.fold_logs(
        {("t", n): r for n, r in records.items()}, Config(), rules.load(path.read_text())
    )
    assert sum(p.refused.get("decode", 0) for p in partitions) == 30
    render.write(*databases, [p for p in partitions if p.stream_ms])
    options = ["--brokers", brokers, "--topic", "t", "--redis", redis_url, "--rules", str(path)]
    assert check_topic.main(options) == 0, capsys.readouterr().out
    for p in partitions:
        databases[0].hset("{vir:%s}:own" % p.name, "off", p.offset)
    assert check_topic.main(options + ["--moving", "30"]) == 0, capsys.readouterr().out
    databases[0].hset("{vir:t:1}:own", "off", 5)  # Redis says less was folded than it shows
    assert check_topic.main(options + ["--moving", "1"]) == 1
    databases[0].hincrby("vir:all", "shares_total", 1)
    assert check_topic.main(options) == 1
    assert "vir:all shares_total" in capsys.readouterr().out
