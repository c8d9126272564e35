# SPDX-License-Identifier: Apache-2.0
"""Scenarios written by hand: the text of each is in expected/, byte for byte, and the oracle agrees with it.

To write expected/ anew after a change of the contract: VR_GOLDEN_WRITE=1, then read the difference.
"""
import glob
import os

import pytest
import scenario

FILES = sorted(glob.glob(os.path.join(scenario.HERE, "scenarios/*.txt")))
WAYS = [
    (),
    ("--cut", 2, "--check"),
    ("--cut", 1000),
    ("--batch", 100, "--cut", 1),
    ("--reload", 1),
    ("--reload", 3, "--cut", 2),
]


def name(path):
    return os.path.basename(path).removesuffix(".txt")


@pytest.mark.parametrize("path", FILES, ids=name)
def test_expected(path):
    lines = scenario.run(path)
    assert scenario.differences(path, lines) == []
    expected = os.path.join(scenario.HERE, "expected", os.path.basename(path))
    if os.environ.get("VR_GOLDEN_WRITE"):
        with open(expected, "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
    with open(expected, encoding="utf-8") as f:
        assert lines == f.read().splitlines()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: " ".join(map(str, way)) or "plain")
def test_however_it_is_cut_and_loaded(way):
    """All scenarios in one run."""
    assert len(FILES) > 25
    expected = []
    for path in FILES:
        with open(os.path.join(scenario.HERE, "expected", os.path.basename(path)), encoding="utf-8") as f:
            expected += [f"== {path}"] + f.read().splitlines()
    assert scenario.run(*way, *FILES) == expected
