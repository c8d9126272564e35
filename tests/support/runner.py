# SPDX-License-Identifier: Apache-2.0
"""Runs the stages of tests/stages in the order of their names and adds up what they count.

A stage is an executable file `NN-name`. Lines of its beginning say what it is:

    # stage: one line for the heading
    # needs: other stages, by name, that must have gone well before

It runs in the repository with VR_BUILD (the sanitizer build), VR_RELEASE (the release build), VR_JOBS, VR_LOG_DIR (for
whatever is worth keeping) and VR_TESTS in its environment, and no standard input. It prints any number of lines
`@count passed=N failed=N skipped=N`; the sums are its result. A stage that ends with a failure but counted none counts
one; one that counted nothing at all counts as a failure too, for nothing ran.
"""
import argparse
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

REPO = pathlib.Path(__file__).resolve().parents[2]
STAGES = REPO / "tests" / "stages"
OUT = REPO / "build" / "tests"
COUNT = re.compile(r"^@count ((?:(?:passed|failed|skipped)=\d+ ?)+)$", re.MULTILINE)
HEAD = re.compile(r"^# (stage|needs): *(.*)$", re.MULTILINE)
SHOWN_LINES = 200
BEAT_S = 60.0


@dataclasses.dataclass
class Stage:
    path: pathlib.Path
    title: str
    needs: list
    log: pathlib.Path
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def name(self):
        return self.path.name.split("-", 1)[1]


def find_stages():
    """All stages, in order."""
    found = []
    for path in sorted(STAGES.iterdir()):
        if re.match(r"\d+-", path.name) and os.access(path, os.X_OK):
            head = dict(HEAD.findall(path.read_text()[:2000]))
            needs = head.get("needs", "").replace(",", " ").split()
            found.append(Stage(path, head.get("stage", path.name), needs, OUT / "logs" / f"{path.name}.log"))
    return found


def choose(stages, only, skip):
    """Those asked for, and what they need."""
    by_name = {stage.name: stage for stage in stages}
    unknown = sorted((only | skip) - set(by_name))
    if unknown:
        raise SystemExit(f"tests/run: no stage {', '.join(unknown)}; there are: {', '.join(by_name)}")
    wanted = (only or set(by_name)) - skip
    queue = list(wanted)
    while queue:
        for need in by_name[queue.pop()].needs:
            if need not in wanted | skip:
                wanted.add(need)
                queue.append(need)
    return [stage for stage in stages if stage.name in wanted]


class Clock:
    def __init__(self):
        self._start = time.monotonic()

    def __str__(self):
        seconds = int(time.monotonic() - self._start)
        return f"{seconds // 60:02d}:{seconds % 60:02d}"


def say(clock, text):
    print(f"[{clock}] {text}", flush=True)


def environment(stage, jobs):
    return {
        **os.environ,
        "VR_TESTS": str(REPO / "tests"),
        "VR_BUILD": str(REPO / "build" / "asan-ubsan"),
        "VR_RELEASE": str(REPO / "build" / "release"),
        "VR_JOBS": str(jobs),
        "VR_LOG_DIR": str(OUT / "logs" / stage.name),
        "PYTHONPATH": os.pathsep.join(str(REPO / "tests" / part) for part in ("support", "oracle")),
    }


def run(stage, jobs, clock):
    """Run it; its output goes to its log, and a line now and then says that it is alive."""
    (OUT / "logs" / stage.name).mkdir(parents=True, exist_ok=True)
    done = threading.Event()

    def beat():
        while not done.wait(BEAT_S):
            say(clock, f"    {stage.name} is still running: {last_line(stage.log)}")

    threading.Thread(target=beat, daemon=True).start()
    with open(stage.log, "wb") as log:
        child = subprocess.Popen([stage.path], cwd=REPO, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                 env=environment(stage, jobs), start_new_session=True)
        try:
            status = child.wait()
        finally:
            done.set()
            end_session(child)
    add_up(stage, status)


def end_session(child):
    """Whatever a stage left running in its own process group goes with it."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.wait()


def add_up(stage, status):
    for counts in COUNT.findall(stage.log.read_text(errors="replace")):
        for pair in counts.split():
            key, number = pair.split("=")
            setattr(stage, key, getattr(stage, key) + int(number))
    nothing = stage.passed + stage.failed + stage.skipped == 0
    if stage.failed == 0 and (status != 0 or nothing):
        stage.failed = 1
        with open(stage.log, "a") as log:
            log.write(f"\ntests/run: {stage.path.name} ended with {status}" + (" and counted nothing\n" if nothing else "\n"))


def last_line(log):
    lines = log.read_text(errors="replace").splitlines()
    return lines[-1][:150] if lines else "no output yet"


def show_failure(stage):
    """The end of the log, between marks that a reader finds."""
    lines = stage.log.read_text(errors="replace").splitlines()
    print(f"---- {stage.name}: the last {min(len(lines), SHOWN_LINES)} lines of {stage.log} ----")
    print("\n".join(lines[-SHOWN_LINES:]))
    print(f"---- end of {stage.name} ----", flush=True)


def summary(stage):
    skipped = f", {stage.skipped} skipped" if stage.skipped else ""
    return f"{stage.passed} passed, {stage.failed} failed{skipped}"


def run_all(stages, jobs):
    clock = Clock()
    bad = set()
    for stage in stages:
        blocked = sorted(bad.intersection(stage.needs))
        say(clock, f"{stage.name}: {stage.title}")
        if blocked:
            stage.failed = 1
            say(clock, f"    not run: {', '.join(blocked)} failed")
        else:
            run(stage, jobs, clock)
            say(clock, f"    {summary(stage)}")
            if stage.failed:
                show_failure(stage)
        if stage.failed:
            bad.add(stage.name)


def report(stages):
    """The table of all stages, and the one line that counts; returns the exit status."""
    total = Stage(pathlib.Path("0-all"), "", [], pathlib.Path())
    print()
    for stage in stages:
        print(f"{stage.name:14} {summary(stage)}")
        for key in ("passed", "failed", "skipped"):
            setattr(total, key, getattr(total, key) + getattr(stage, key))
    print(summary(total), flush=True)
    return 0 if total.failed == 0 and total.passed > 0 else 1


def names(text):
    return set(text.replace(",", " ").split())


def main():
    parser = argparse.ArgumentParser(prog="tests/run", add_help=False)
    parser.add_argument("--only", type=names, default=set())
    parser.add_argument("--skip", type=names, default=set())
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    stages = find_stages()
    if options.list:
        for stage in stages:
            print(f"{stage.name:14} {stage.title}")
        return 0
    stages = choose(stages, options.only, options.skip)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))     # by way of the clean-up of run()
    shutil.rmtree(OUT / "logs", ignore_errors=True)
    (OUT / "logs").mkdir(parents=True)
    run_all(stages, options.jobs)
    return report(stages)


if __name__ == "__main__":
    sys.exit(main())
