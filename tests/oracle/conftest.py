# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys
import tempfile

import pytest
from hypothesis import configuration, settings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

configuration.set_hypothesis_home_dir(
    os.path.join(tempfile.gettempdir(), "oracle-hypothesis")
)  # not in the tree
settings.register_profile("oracle", database=None, deadline=None)
settings.load_profile("oracle")


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory):
    """A redis-server of our own on a Unix socket."""
    redis = pytest.importorskip("redis")
    folder = tmp_path_factory.mktemp("redis")
    socket = folder / "s"
    server = subprocess.Popen(
        [
            "redis-server",
            "--port",
            "0",
            "--unixsocket",
            str(socket),
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            str(folder),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    for line in server.stdout:
        if "eady to accept connections" in line:
            break
    url = f"unix://{socket}"
    assert redis.Redis.from_url(url).ping()
    yield url
    server.terminate()
    server.communicate()


@pytest.fixture
def databases(redis_url):
    import redis

    live, alerts = redis.Redis.from_url(redis_url, db=0), redis.Redis.from_url(redis_url, db=2)
    live.flushall()
    return live, alerts
