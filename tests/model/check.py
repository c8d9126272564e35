# SPDX-License-Identifier: Apache-2.0
"""Searches replay.pml exhaustively in every configuration of VERDICTS, and says whether each verdict is as expected.

    check.py [--only TEXT]...      those whose name contains a TEXT

A configuration must hold, or must be violated in the property named; then the shortest way there is shown.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

MODEL = pathlib.Path(__file__).with_name("replay.pml")
HOLDS = ""
TIMEOUT_S = 600

# name, definitions, the property that is violated
VERDICTS = [
    ("all, same rules, three swaps", "", HOLDS),
    ("all, changed rules, clock decides, three swaps", "CHANGED=1 DECIDE=1", HOLDS),
    ("all, Redis loses a suffix, same rules, three swaps", "LOSS=1", HOLDS),
    ("all, Redis loses a suffix, changed rules, clock decides, two swaps", "LOSS=1 CHANGED=1 DECIDE=1 SWAPS=2", HOLDS),
    ("all, two partitions, one owner each, clock decides, two swaps", "NP=2 NL=1 N=4 DECIDE=1 SWAPS=2", HOLDS),
    ("all, two partitions, two owners each, two swaps", "NP=2 N=3 SWAPS=2", HOLDS),
    ("all, each exchange its own step, two owners, two swaps", "STEPS=1 N=2 SWAPS=2", HOLDS),
    ("all, each exchange its own step, one owner, changed rules, clock decides, two swaps",
     "STEPS=1 NL=1 CHANGED=1 DECIDE=1 SWAPS=2", HOLDS),
    ("all, publisher, Redis loses a suffix, three swaps", "PUB=1 LOSS=1", HOLDS),
    ("without the fresh token", "FRESH=0 LETTERS=0", "TWICE"),
    ("without the fresh token, publisher", "PUB=1 FRESH=0", "MIX"),
    ("without raising said.off, at the switch or at cuts", "RAISE=0 RAISE_CUT=0 LETTERS=0", "TWICE"),
    ("without raising said.off at the switch, but at cuts", "RAISE=0 CHANGED=1 DECIDE=1", HOLDS),
    ("without raising said.off at cuts, but at the switch", "RAISE_CUT=0 CHANGED=1 DECIDE=1", HOLDS),
    ("without silence below said.off", "SILENT=0", "SILENCE"),
    ("without the re-read bound: no bound", "BOUND=0 DECIDE=1", "EQUAL"),
    ("without the re-read bound: no bound, and a switch that does not compare", "BOUND=0 CHECK=0", "END OF NOTHING"),
    ("without the re-read bound: kept from another connection", "BOUND_KEPT=1 LOSS=1 DECIDE=1", "EQUAL"),
    ("without dropping what was read before a reconnect", "RECONNECT=0 LOSS=1 DECIDE=1", "EQUAL"),
    ("without dropping what was read before a reconnect, publisher", "PUB=1 RECONNECT=0 LOSS=1", "MIX"),
    ("without WATCH of the live owner record at the switch", "WATCH_LIVE=0 LETTERS=0", "TWICE"),
    ("without carrying over what live decided", "CARRY=0 DECIDE=1", "EQUAL"),
    ("without carrying over what live decided, looking at alerts alone", "CARRY=0 DECIDE=1 EQUALS=0", "TWICE"),
    ("without taking up pending alerts at said.off", "ADOPT=0 CHANGED=1", "LOST"),
    ("without comparing offsets at the switch, but with the bound", "CHECK=0 CHANGED=1 DECIDE=1", HOLDS),
]


def run(command, folder):
    """Its output, whatever its status: the searcher reports a violation in words."""
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S)
    return done.stdout


def build(folder, defines, breadth):
    """The searcher of one configuration: breadth first where the shortest way is wanted."""
    text = run(["spin", "-a", *defines, MODEL.name], folder)
    if not (folder / "pan.c").exists():
        raise RuntimeError(text)
    text = run(["gcc", *(["-O1", "-DBFS"] if breadth else ["-O2", "-DCOLLAPSE"]), "-w", "-DSAFETY", "-o", "pan", "pan.c"], folder)
    if text:
        raise RuntimeError(text)


def search(folder, breadth):
    """(violated, states); raises unless it was exhaustive or found something."""
    text = run(["./pan", "-w24"] if breadth else ["./pan", "-w24", "-m1000000"], folder)
    errors = re.search(r"errors: (\d+)", text)
    states = re.search(r"^\s*(\d+) states, stored", text, re.MULTILINE)
    violated = bool(errors) and int(errors[1]) > 0
    cut_short = re.search(r"max search depth too small|out of memory|Search not completed|pan:\d+: invalid end state", text)
    if not errors or not states or (cut_short and not violated) or (violated and "assertion violated" not in text):
        raise RuntimeError(text)
    return violated, int(states[1])


def trace(folder, defines):
    """The steps to the violation, and the names of the properties violated."""
    text = run(["spin", "-t", "-T", "-k", MODEL.name + ".trail", *defines, MODEL.name], folder).split("spin: trail ends")[0]
    source = MODEL.read_text().splitlines()
    names, steps = [], []
    for line in text.splitlines():
        failed = re.match(r"spin: .*:(\d+), Error: assertion violated", line)
        if failed:
            names += re.findall(r"/\* ([A-Z ]+) \*/", source[int(failed[1]) - 1])
        elif line and not line.startswith("spin:"):
            steps.append(line)
    return fold_lines(steps), names


def fold_lines(steps):
    """`folds record 0`, `folds record 1` of the same one as one line."""
    out = []
    for step in steps:
        same = re.match(r"(.* folds record) (\d+)$", step)
        if same and out and re.match(re.escape(same[1]) + r" \d+( to \d+)?$", out[-1]):
            out[-1] = re.sub(r" \d+( to \d+)?$", lambda m: f" {m[0].split()[0]} to {same[2]}", out[-1])
        else:
            out.append(step)
    return out


def judge(name, definitions, expected):
    """Whether the verdict is as expected; prints it."""
    defines = ["-D" + d for d in definitions.split()]
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        shutil.copy(MODEL, folder)
        build(folder, defines, bool(expected))
        violated, states = search(folder, bool(expected))
        steps, names = trace(folder, defines) if violated else ([], [])
    found = ", ".join(names) if violated else "holds"
    good = violated == bool(expected) and (not expected or expected in names)
    print(f"{'ok' if good else 'NOT OK'}: {name}: {found} ({states} states, {time.monotonic() - start:.1f} s)")
    for step in steps:
        print("        " + step)
    sys.stdout.flush()
    return good


def main():
    parser = argparse.ArgumentParser(prog="check.py")
    parser.add_argument("--only", action="append", default=[])
    options = parser.parse_args()
    chosen = [v for v in VERDICTS if not options.only or any(text in v[0] for text in options.only)]
    os.environ["LC_ALL"] = "C"
    results = []
    for verdict in chosen:
        try:
            results.append(judge(*verdict))
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            print(f"NOT OK: {verdict[0]}: {error}", flush=True)
            results.append(False)
    print(f"@count passed={sum(results)} failed={len(results) - sum(results)}")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
