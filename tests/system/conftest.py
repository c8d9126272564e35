# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the system tests. Kafka is one for the whole run, with topics of unique names; a Redis is one a test."""
import pathlib
import sys

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / part) for part in ("support", "oracle")]

from units import Service  # noqa: E402
from virtest import Kafka, Redis, process  # noqa: E402
from virtest.scratch import SCRATCH  # noqa: E402


@pytest.fixture(scope="session")
def kafka():
    broker = Kafka()
    yield broker
    broker.close()


@pytest.fixture
def redis_server():
    server = Redis()
    yield server
    server.close()


@pytest.fixture(scope="session")
def booted():
    service = Service()
    yield service
    service.close()


@pytest.fixture
def service(booted, kafka, tmp_path):
    """virald's units in a booted tree, none of them running, an empty Redis and a new topic."""
    yield booted.prepare(kafka, tmp_path)
    booted.end()


@pytest.fixture
def closing():
    """closing(thing) returns the thing and calls its close() when the test ends, last one first."""
    things = []

    def keep(thing):
        things.append(thing)
        return thing

    yield keep
    for thing in reversed(things):
        thing.close()


@pytest.fixture(autouse=True)
def logs_of_this_test():
    process.mark_all()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows what each server logged during the test."""
    report = (yield).get_result()
    if report.failed:
        SCRATCH.keep_logs = True
        report.sections += [(f"log of {name}", text) for name, text in process.logs_since_mark()]
        report.sections.append(("logs are kept in", str(SCRATCH.logs)))
