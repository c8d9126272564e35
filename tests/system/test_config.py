# SPDX-License-Identifier: Apache-2.0
"""What virald says to an operator who made a mistake, and to one who did not."""
import os
import re
import subprocess

import pytest
import yaml

from fleet import RULES
from virtest import Daemon
from virtest.daemon import binary

CONFIG = 78
USAGE = 64
AWAY = 69
DEAD = "127.0.0.1:1"


def virald(*args, code=0, env=None):
    """Its standard output and standard error as text."""
    done = subprocess.run([binary("virald"), *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120,
                          check=False, env={**os.environ, **(env or {})})
    assert done.returncode == code, (done.returncode, done.stderr)
    return done.stdout, done.stderr


@pytest.fixture
def good(tmp_path, redis_server):
    """A file that is right, as a dictionary that can be changed and written again."""
    (tmp_path / "rules.yaml").write_text(RULES)
    return {"kafka": {"brokers": DEAD, "topics": ["t"]}, "redis": {"url": redis_server.unix_url},
            "rules_files": [str(tmp_path / "rules.yaml")], "http": {"listen": ""}}


@pytest.fixture
def write(tmp_path):
    def to_file(config):
        path = tmp_path / "virald.yaml"
        path.write_text(config if isinstance(config, str) else yaml.safe_dump(config))
        return path
    return to_file


def test_help_and_version():
    out, _ = virald("--help")
    assert "virald run" in out or "Usage: virald COMMAND" in out
    for word in ("run", "check", "demo", "--config", "--set", "--connect"):
        assert word in out
    versions = dict(line.split(" ", 1) for line in virald("--version")[0].splitlines())
    assert {"virald", "librdkafka", "hiredis"} <= set(versions)
    assert all(text[0].isdigit() for text in versions.values())


@pytest.mark.parametrize("args,said", [
    ([], "command"), (["rum"], "did you mean 'run'"), (["run", "--no-such-option"], "virald --help"),
    (["run", "--set", "nothing"], "PATH=VALUE"), (["check", "again"], "one command"), (["demo", "--rate", "fast"], "--rate"),
])
def test_usage(args, said):
    out, err = virald(*args, code=USAGE)
    assert said in err and out == ""


def test_a_good_file_is_good(good, write):
    out, err = virald("check", "--config", write(good))
    assert out.count("ok ") == 2 and err == ""
    dumped = virald("check", "--config", write(good), "--dump-config")[0]
    assert "kafka" in dumped and DEAD in dumped


MANY = """\
windos: 1m
windows: 1m 90ms 7
kafka:
  broker: x:9092
  topics: [a, a]
  on_gap: jump
  max_ahead: 5x
  properties:
    enable.auto.commit: true
redis:
  url: rediss//nowhere
  live_db: -1
cut:
  bytes: lots
log:
  level: loud
"""


def test_all_mistakes_are_told_at_once_each_with_its_place(write, tmp_path):
    path = write(MANY)
    _, err = virald("check", "--config", path, code=CONFIG)
    places = {int(m[1]): m[0] for line in err.splitlines() if (m := re.match(re.escape(str(path)) + r":(\d+):(\d+): .+", line))}
    assert set(places) >= {1, 2, 4, 5, 6, 7, 9, 11, 12, 14, 16}, err
    assert "did you mean `windows`" in err and "did you mean `kafka.brokers`" in err
    assert "stop skip" in err or "stop, skip" in err or "stop or skip" in err
    assert "enable.auto.commit" in err and "Redis" in err
    _, again = virald("run", "--config", path, code=CONFIG)
    assert again == err


def test_mistakes_in_rules_are_told_with_file_line_and_column(good, write, tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: shars{window=\"1m\"} > 1\n  - alert: B\n"
                     "    expr: shares{window=\"7m\"} >\n    fro: 1m\n")
    _, err = virald("check", "--config", write(good), code=CONFIG)
    assert re.search(re.escape(str(rules)) + r":5:\d+: .*shares", err), err
    assert re.search(re.escape(str(rules)) + r":7:\d+: ", err), err
    assert re.search(re.escape(str(rules)) + r":8:5: .*did you mean `for`", err), err


@pytest.mark.parametrize("property,value,why", [
    ("auto.offset.reset", "earliest", "skip or repeat"), ("isolation.level", "read_uncommitted", "aborted"),
    ("group.id", "x", "setting of its own"), ("session.timeout.ms", "soon", "session.timeout.ms"),
    ("no.such.property", "1", "no.such.property"),
])
def test_properties_of_librdkafka_are_tried(good, write, property, value, why):
    good["kafka"]["properties"] = {property: value}
    _, err = virald("check", "--config", write(good), code=CONFIG)
    assert property in err and why in err


def test_settings_from_the_environment_and_the_command_line(good, write):
    path = write(good)
    _, err = virald("check", "--config", path, code=CONFIG, env={"VIRALD_KAFKA__BROKRS": "x"})
    assert "VIRALD_KAFKA__BROKRS" in err and "kafka.brokers" in err
    out, _ = virald("check", "--config", path, "--set", "cut.interval=1s", "--dump-config", env={"VIRALD_INSTANCE": "seven"})
    assert "seven" in out and "VIRALD_INSTANCE" in out


def test_a_file_that_is_not_there(tmp_path):
    _, err = virald("run", "--config", tmp_path / "none.yaml", code=CONFIG)
    assert "none.yaml" in err


def test_check_connect_tries_redis_and_kafka(good, write, kafka):
    topic = kafka.create_topic()
    good["kafka"] = {"brokers": kafka.bootstrap, "topics": [topic]}
    out, _ = virald("check", "--connect", "--config", write(good))
    assert "Redis" in out and "Kafka" in out
    good["kafka"]["topics"] = [topic, "no-such-topic"]
    _, err = virald("check", "--connect", "--config", write(good), code=CONFIG)
    assert "no-such-topic" in err
    good["redis"] = {"url": f"redis://{DEAD}"}
    _, err = virald("check", "--connect", "--config", write(good), code=AWAY)
    assert DEAD in err


def test_a_password_is_never_shown(good, write, tmp_path, kafka):
    (tmp_path / "secret").write_text("s3cr3t-word\n")
    good["redis"]["password_file"] = str(tmp_path / "secret")
    out, err = virald("check", "--config", write(good), "--dump-config")
    assert "s3cr3t" not in out + err
    good["kafka"] = {"brokers": kafka.bootstrap, "topics": [kafka.create_topic()]}
    _, err = virald("run", "--config", write(good), code=CONFIG)
    assert "s3cr3t" not in err and "password" in err.lower()


def test_the_printed_sample_is_a_configuration(tmp_path):
    path = tmp_path / "virald.yaml"
    path.write_text(virald("sample")[0])
    virald("check", "--config", path)
