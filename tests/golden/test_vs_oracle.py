# SPDX-License-Identifier: Apache-2.0
"""Scenarios made at random through engine and oracle: all views, series, alerts, boards are the same.

VR_GOLDEN_SEEDS=from:to runs other seeds; a difference names its seed.
"""
import os

import generate
import pytest
import scenario

WAYS = [
    ("--cut", 1, "--check"),
    ("--cut", 7, "--batch", 5),
    ("--cut", 100000),
    ("--cut", 5, "--as-is"),
    ("--cut", 3, "--reload", 11, "--batch", 4),
    ("--reload", 1, "--as-is"),
    ("--batch", 60, "--cut", 9, "--reload", 50),
]
CHUNK = 20


def seeds():
    first, last = map(int, os.environ.get("VR_GOLDEN_SEEDS", "0:300").split(":"))
    return range(first, last, CHUNK)


def try_seed(folder, seed, records):
    way = WAYS[seed % len(WAYS)]
    path = generate.write(folder, seed, records)
    found = scenario.differences(path, scenario.run(*way, path), "--as-is" in way)
    assert found == [], f"seed {seed}, {records} records, {way}"


@pytest.mark.parametrize("first", seeds())
def test_many_short(tmp_path, first):
    for seed in range(first, first + CHUNK):
        try_seed(str(tmp_path), seed, 80)


@pytest.mark.parametrize("seed", range(10_000, 10_007))
def test_some_long(tmp_path, seed):
    try_seed(str(tmp_path), seed, 3000)


def test_the_comparison_can_fail(tmp_path):
    """Every kind of line, changed, is a difference; so is one that is missing."""
    kinds = {}
    for seed in range(6):
        path = generate.write(str(tmp_path), seed, 200)
        lines = scenario.run(path)
        for i, line in enumerate(lines):
            kind = line.split("\t")[0]
            if kind not in kinds and kind not in ("minute", "part"):
                kinds[kind] = True
                less = lines[:i] + lines[i + 1 :]
                if kind != "merge":
                    assert scenario.differences(path, less) != [], line
    assert {"c", "channels", "info", "ts", "alert", "active", "board", "merged"} <= kinds.keys()
