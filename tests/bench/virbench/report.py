# SPDX-License-Identifier: Apache-2.0
"""Medians, the table, the check."""
import statistics

RATIO_MOST = 4.0
REDIS_US_MOST = 3.0
P99_MOST = 2.0
REPLAY_LEAST = 0.9        # of the daemon's rate: each is measured once

# heading, width, key of a row, format
COLUMNS = [
    ("input", 9, "wire", "{}"),
    ("floor ev/s", 11, "floor_rate", "{:,.0f}"),
    ("floor us", 9, "floor_us", "{:.2f}"),
    ("virald ev/s", 12, "rate", "{:,.0f}"),
    ("virald us", 10, "cpu_us", "{:.2f}"),
    ("x floor", 8, "ratio", "{:.2f}"),
    ("Redis us", 9, "redis_us", "{:.2f}"),
    ("ev/cut", 8, "per_cut", "{:,.0f}"),
    ("cmds/ev", 8, "commands", "{:.3f}"),
    ("bytes/ev", 9, "redis_bytes", "{:.1f}"),
    ("virald MiB", 11, "peak_mib", "{:,.0f}"),
    ("Redis MiB", 10, "redis_peak_mib", "{:,.0f}"),
]


def row_of(wire, floor, run):
    """One run as figures per event; us is microseconds of CPU, the same number as seconds per million events."""
    records = run["records"]
    floor_us = floor["cpu_s"] / floor["records"] * 1e6
    cpu_us = run["cpu_s"] / records * 1e6
    return {
        "wire": wire, "records": records,
        "floor_rate": floor["records"] / floor["wall_s"], "floor_us": floor_us, "value_bytes": floor["bytes"] / floor["records"],
        "rate": records / run["wall_s"], "cpu_us": cpu_us, "ratio": cpu_us / floor_us,
        "redis_us": run["redis_cpu_s"] / records * 1e6,
        "commands": run["redis"]["commands"] / records, "redis_bytes": run["redis"]["bytes"] / records,
        "peak_mib": run["peak_kib"] / 1024, "redis_peak_mib": run["redis_peak_kib"] / 1024,
        "per_cut": records / max(run["cuts"], 1),
        "by_command": run["redis"]["by_command"],
    }


def median_of(rows):
    """The median of each figure; what is no figure is the last run's."""
    return {key: statistics.median(row[key] for row in rows) if isinstance(value, (int, float)) else value
            for key, value in rows[-1].items()}


def print_table(rows):
    print("".join(f"{heading:>{width}}" for heading, width, _, _ in COLUMNS))
    for row in rows:
        print("".join(f"{form.format(row[key]):>{width}}" for _, width, key, form in COLUMNS))
    print("us: CPU microseconds an event (= CPU seconds per million), all threads, user and system, the broker not counted.")
    print("ev/s: by the clock, with the start of the program. cmds/ev, bytes/ev: what Redis was sent.")


def print_commands(row):
    """Where Redis's own time went, by its own account."""
    calls = sorted(row["by_command"].items(), key=lambda item: -item[1]["us"])
    print(f"\n{row['wire']}: commands per 1,000 events, and Redis's time in each, microseconds an event")
    for name, one in calls[:12]:
        print(f"  {name:<12}{one['calls'] / row['records'] * 1000:>10.2f}{one['us'] / row['records']:>10.3f}")


def print_latency(figures):
    print(f"\nat {figures['rate']:,.0f} events/s ({figures['cpu_us']:.2f} us of virald, {figures['redis_cpu_us']:.2f} us of Redis an event)")
    for key, what in (("visible", "append to visible in Redis"), ("alert", "crossing to alert")):
        one = figures[key]
        print(f"  {what:<28} p50 {one['p50_ms']:>6.0f} ms   p99 {one['p99_ms']:>6.0f} ms   max {one['max_ms']:>6.0f} ms   {one['probes']} probes")


def print_backfill(figures):
    load = f"beside {figures['rate']:,.0f} events/s"
    print(f"\na replay of all history (the daemon itself took {figures['catch_up']:,.0f} events/s)")
    for key, what in (("idle", "beside an idle live"), ("beside", load), ("unthrottled", f"{load}, not held back"),
                      ("rival", f"another daemon {load}")):
        one = figures[key]["replay"]
        print(f"  {what:<40} {one['rate']:>9,.0f} events/s   {one['cpu_us']:.2f} us an event")
    for key, what in (("alone", "append to visible, no replay"), ("beside", "beside the replay"),
                      ("unthrottled", "beside the one that is not held back"), ("rival", "beside the other daemon")):
        one = figures[key]
        print(f"  {what:<40} p50 {one['p50_ms']:>6.0f} ms   p99 {one['p99_ms']:>6.0f} ms   max {one['max_ms']:>6.0f} ms   {one['probes']} probes")


def check(rows, replayed=None):
    """What is worse than promised, as text; the promise is for protobuf."""
    wrong = []
    if replayed and replayed["beside"]["p99_ms"] > P99_MOST * replayed["alone"]["p99_ms"]:
        wrong.append(f"beside a replay live's p99 is {replayed['beside']['p99_ms']:.0f} ms, more than {P99_MOST:g} times "
                     f"{replayed['alone']['p99_ms']:.0f}")
    if replayed and replayed["idle"]["replay"]["rate"] < REPLAY_LEAST * replayed["catch_up"]:
        wrong.append(f"a replay folds {replayed['idle']['replay']['rate']:,.0f} events/s, the daemon {replayed['catch_up']:,.0f}")
    if replayed and replayed["unthrottled"]["replay"]["rate"] < REPLAY_LEAST * replayed["rival"]["replay"]["rate"]:
        wrong.append(f"beside a load a replay that is not held back folds {replayed['unthrottled']['replay']['rate']:,.0f} events/s, "
                     f"another daemon {replayed['rival']['replay']['rate']:,.0f}")
    for row in rows:
        if row["wire"] != "protobuf":
            continue
        if row["ratio"] > RATIO_MOST:
            wrong.append(f"virald takes {row['ratio']:.2f} times the floor's CPU an event, more than {RATIO_MOST:g}")
        if row["redis_us"] > REDIS_US_MOST:
            wrong.append(f"Redis takes {row['redis_us']:.2f} us of CPU an event, more than {REDIS_US_MOST:g}")
    return wrong
