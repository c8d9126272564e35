# SPDX-License-Identifier: Apache-2.0
"""The benchmark: fills topics, runs the floor and the daemon over them, prints what each costs."""
import argparse
import json
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]

from virbench import backfill, catchup, latency, parts, report, topic  # noqa: E402

FULL = {"events": 5_000_000, "contents": 1_000_000, "runs": 3, "live_seconds": 30}
QUICK = {"events": 200_000, "contents": 40_000, "runs": 1, "live_seconds": 5}
EPILOG = """\
A topic of 12 partitions is filled with generated events (contents picked by Zipf's law), once as protobuf and once as
JSON. Each run: the floor (a bare librdkafka consumer that counts), then a new daemon with a new Redis, from the first
record to the last stored offset. Then, at a tenth of the rate reached, how long an event takes to be visible and an
alert to come; and a replay of as many events, beside an idle live and beside a live load, held back as by default and
not, and what live feels of it. Nothing is asserted; --check ends with 1 when virald takes more than 4 times the floor's
CPU, or Redis more than 3 microseconds, an event, or when a replay is slower than the daemon or makes live's p99 more
than twice as long. Other work on the machine spoils caches and makes both dearer: look at the spread of the runs before
believing a bad figure.
"""


def arguments():
    parser = argparse.ArgumentParser(prog="tests/bench/run", description=__doc__, epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, help="events in each topic (5,000,000)")
    parser.add_argument("--contents", type=int, help="contents to pick from (1,000,000)")
    parser.add_argument("--zipf", type=float, default=1.05, help="exponent (1.05)")
    parser.add_argument("--runs", type=int, help="runs of each, of which the median is shown (3)")
    parser.add_argument("--wire", choices=("protobuf", "json", "both"), default="both")
    parser.add_argument("--live-seconds", type=int, help="how long each latency is measured (30); 0: not at all")
    parser.add_argument("--replay-load", type=float, default=20_000, metavar="RATE",
                        help="events a second that live has while a replay runs beside it (20,000); 0: no replay")
    parser.add_argument("--rate", type=float, help="events a second for it (a tenth of what was reached)")
    parser.add_argument("--quick", action="store_true", help="small: to see that it works, not what it costs")
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", help="a setting of virald's own")
    parser.add_argument("--build", help="folder of a release build (default: build/release, brought up to date)")
    parser.add_argument("--output", help="write every figure of every run there, as JSON")
    parser.add_argument("--perf", metavar="FOLDER", help="also `perf record` virald and Redis, into this folder")
    parser.add_argument("--check", action="store_true", help="exit 1 when it costs more than promised")
    args = parser.parse_args()
    for name, value in (QUICK if args.quick else FULL).items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    if min(args.events, args.contents, args.runs) < 1:
        parser.error("--events, --contents and --runs are at least 1")
    args.settings = dict(one.split("=", 1) for one in args.set)
    return args


def catch_up(args, programs, kafka, wire):
    """All runs over one topic; rows of figures."""
    name = topic.fill(programs, kafka, args, args.events, wire)
    rows = []
    for number in range(1, args.runs + 1):
        floor = catchup.run_floor(programs, kafka, name)
        run = catchup.run_daemon(programs, kafka, name, args.settings, args.perf)
        rows.append(report.row_of(wire, floor, run))
        row = rows[-1]
        print(f"{wire} {number}/{args.runs}: floor {row['floor_us']:.2f} us, virald {row['cpu_us']:.2f} us, "
              f"Redis {row['redis_us']:.2f} us, {row['rate']:,.0f} events/s", flush=True)
    kafka.delete_topic(name)
    return rows


def main():
    args = arguments()
    if args.perf:
        os.makedirs(args.perf, exist_ok=True)
    programs = parts.Programs(args.build, os.cpu_count())
    kafka = parts.new_broker()
    wires = ("protobuf", "json") if args.wire == "both" else (args.wire,)
    runs = {wire: catch_up(args, programs, kafka, wire) for wire in wires}
    medians = [report.median_of(rows) for rows in runs.values()]
    print()
    report.print_table(medians)
    for row in medians:
        report.print_commands(row)
    result = {"events": args.events, "contents": args.contents, "zipf": args.zipf, "runs": runs, "medians": medians}
    if args.live_seconds > 0:
        rate = args.rate or medians[0]["rate"] / 10
        result["live"] = latency.run_latency(programs, kafka, args, rate, args.live_seconds, wires[0])
        report.print_latency(result["live"])
    if args.replay_load > 0:
        result["replay"] = backfill.run_backfill(programs, kafka, args, args.replay_load, max(args.live_seconds, 1), wires[0])
        report.print_backfill(result["replay"])
    if args.output:
        pathlib.Path(args.output).write_text(json.dumps(result, indent=1) + "\n")
    kafka.close()
    wrong = report.check(medians, result.get("replay")) if args.check else []
    for line in wrong:
        print(f"more than promised: {line} (other work on the machine? look at the runs above)")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
