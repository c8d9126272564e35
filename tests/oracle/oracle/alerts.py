# SPDX-License-Identifier: Apache-2.0
"""Stream, active set and hashes of the alerts, against the folds."""
import json
import math
from collections import Counter

from .model import SHOWN_TEXT, cut_utf8
from .report import text
from .rules import uses

UNIQUES_EXACT = 64
UNIQUES_ERROR = 5 * 1.04 / math.sqrt(4096)

ALERT_FIELDS = (
    "id alertname severity state step entity content_id channel title value threshold starts_ms ends_ms "
    "updated_ms topic partition offset rule_version replay reason labels annotations"
).split()
ALERT_EXACT = (
    "id alertname severity state entity content_id channel starts_ms ends_ms updated_ms topic partition "
    "offset rule_version reason"
).split()


def as_object(value):
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return value if isinstance(value, dict) else None


def plain(value):
    if isinstance(value, bool):
        return "1" if value else "0"
    return "" if value is None else text(value) if isinstance(value, (str, bytes)) else str(value)


def same_figure(shown, right, rel):
    try:
        return math.isclose(float(shown), right, rel_tol=rel, abs_tol=1e-6) or (
            math.isnan(right) and math.isnan(float(shown))
        )
    except ValueError:
        return False


def compare_alert(report, what, shown, expected, rules):
    rule = rules.get((expected["alertname"], expected["rule_version"]))
    for name in ALERT_FIELDS:
        if name not in shown:
            report.differ(f"{what} {name}: missing")
    for name in ALERT_EXACT:
        report.same(f"{what} {name}", plain(shown.get(name)), plain(expected[name]))
    report.same(f"{what} step", plain(shown.get("step")) or "0", "0")
    report.same(f"{what} replay", plain(shown.get("replay")) or "0", "0")
    if plain(shown.get("title")) not in (expected["title"], cut_utf8(expected["title"], SHOWN_TEXT)):
        report.differ(f"{what} title: shown {shown.get('title')!r}, expected {expected['title']!r}")
    if not expected["reason"]:
        for name, node in (("value", rule and rule.value), ("threshold", rule and rule.threshold)):
            right = expected[name]
            rel = (
                UNIQUES_ERROR
                if node and uses(node, "unique_sharers") and right and right > UNIQUES_EXACT
                else 1e-6
            )
            report.counts["fields"] += 1
            if not (
                plain(shown.get(name)) == ""
                if right is None
                else same_figure(plain(shown.get(name)), right, rel)
            ):
                report.differ(f"{what} {name}: shown {shown.get(name)!r}, expected {right}")
    labels, annotations = as_object(shown.get("labels")), as_object(shown.get("annotations"))
    if (
        labels is None
        or any(labels.get(k) != v for k, v in expected["labels"].items() if "{{" not in v)
        or labels.keys() - expected["labels"].keys() - {"alertname", "severity"}
    ):
        report.differ(f"{what} labels: shown {shown.get('labels')!r}, expected {expected['labels']!r}")
    if annotations is None or annotations.keys() != expected["annotations"].keys():
        report.differ(
            f"{what} annotations: shown {shown.get('annotations')!r}, expected {expected['annotations']!r}"
        )
        return
    for k, v in expected["annotations"].items():
        if (annotations[k] != v) if "{{" not in v else ("{{" in annotations[k]):
            report.differ(f"{what} annotation {k}: shown {annotations[k]!r}, expected {v!r}")


def is_told(entry, said_off):
    """What was pending where announcing began and fired later is announced as what began later."""
    return entry["fired_at"] is None or entry["fired_at"] >= said_off


def as_adopted(entry, shown):
    """Pending where announcing began: its figures are those of that moment, which nothing else tells."""
    then = {name: shown.get(name) for name in ("updated_ms", "value", "threshold", "title", "channel")}
    return dict(entry, **then, reason=entry["reason"] or "")


def compare_stream(report, key, shown, p, said_off):
    """Entries of one partition, in their order."""
    wanted = [a for a in p.alerts if is_told(a, said_off)]
    mine = [f for _, f in shown if f.get("topic") == p.topic and f.get("partition") == str(p.partition)]
    report.counts["alerts"] += len(wanted)
    rules = {r.key: r for r in p.rules}
    names = [(f.get("id"), f.get("state")) for f in mine]
    right = [(a["id"], a["state"]) for a in wanted]
    for name, n in Counter(names).items():
        if n > 1:
            report.differ(f"{key} {p.name}: {name} stands there {n} times")
    first = {}
    for a in wanted:
        first.setdefault((a["id"], a["state"]), a)
    for name in [n for n in right if n not in set(names)]:
        a = first[name]
        report.differ(
            f"{key} {p.name}: missing {name}, {a['alertname']} of {a['content_id']!r}, begun at offset "
            f"{a['offset']}, {a['updated_ms']}"
        )
    for name, f in zip(names, mine):
        if name not in first:
            report.differ(
                f"{key} {p.name}: unexpected {name}, {f.get('alertname')} of {f.get('content_id')!r}, "
                f"begun at offset {f.get('offset')}, {f.get('updated_ms')}"
            )
        else:
            compare_alert(report, f"{key} {name[0]} {name[1]}", f, first[name], rules)
    if names != right and Counter(names) == Counter(right):
        at = next(i for i, (a, b) in enumerate(zip(names, right)) if a != b)
        report.differ(f"{key} {p.name}: order differs at {at}: shown {names[at]}, expected {right[at]}")


def compare_active(report, key, shown, partitions, said):
    wanted = {
        i: (a, p) for p in partitions for i, a in p.active.items() if is_told(a, said.get(p.name, 0))
    }
    report.counts["active"] += len(wanted)
    for i in sorted(wanted.keys() - shown.keys()):
        a = wanted[i][0]
        report.differ(f"{key}: missing {i}, {a['alertname']} of {a['content_id']!r}, {a['state']}")
    for i in sorted(shown.keys() - wanted.keys()):
        report.differ(f"{key}: unexpected {i}: {shown[i]}")
    for i in wanted.keys() & shown.keys():
        fields, (a, p) = as_object(shown[i]), wanted[i]
        if fields is None:
            report.differ(f"{key} {i}: not a JSON object: {shown[i]!r}")
            continue
        if a["offset"] < said.get(p.name, 0) and a["state"] == "pending":
            a = as_adopted(a, fields)
        compare_alert(report, f"{key} {i}", fields, a, {r.key: r for r in p.rules})
        if a["due_ms"] is not None:
            report.same(f"{key} {i} due_ms", plain(fields.get("due_ms")), str(a["due_ms"]))


def compare_alerts(report, prefix, shown, partitions, said):
    names = {p.name for p in partitions}
    stream = shown.take(prefix + "alerts", "stream", [])
    for _, f in stream:
        if f"{f.get('topic')}:{f.get('partition')}" not in names:
            report.differ(f"{prefix}alerts: entry of another partition: {f}")
    for p in partitions:
        compare_stream(report, prefix + "alerts", stream, p, said.get(p.name, 0))
        rules = {r.key: r for r in p.rules}
        for ident, a in p.latest.items():
            if is_told(a, said.get(p.name, 0)):
                key = f"{prefix}alert:{ident}"
                fields = shown.take(key, "hash", {})
                if not fields:
                    report.differ(f"{key}: missing")
                else:
                    compare_alert(report, key, fields, a, rules)
    compare_active(
        report, prefix + "alerts:active", shown.take(prefix + "alerts:active", "hash", {}), partitions, said
    )
    shown.take(prefix + "rules", "list", [])
