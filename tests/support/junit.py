# SPDX-License-Identifier: Apache-2.0
"""junit.py FILE... - adds up reports in JUnit's XML (ctest, pytest) and prints the count line of tests/run."""
import sys
import xml.etree.ElementTree

SKIPS = {"notrun", "disabled"}


def outcome(case):
    """'passed', 'failed' or 'skipped'."""
    if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
        return "failed"
    if case.find("skipped") is not None or case.get("status") in SKIPS:
        return "skipped"
    return "passed"


def main(files):
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for file in files:
        for case in xml.etree.ElementTree.parse(file).getroot().iter("testcase"):
            counts[outcome(case)] += 1
    print("@count " + " ".join(f"{key}={number}" for key, number in counts.items()))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
