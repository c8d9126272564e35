# SPDX-License-Identifier: Apache-2.0
"""A stack with something to see: Kafka, a Redis with the ACL users of deploy/redis, and a virald that runs as one of them.

    article-1    every action, weibo and qq, long title and address; alerts resolved, firing and pending
    article-2    on the other partition, three minutes behind, so that merged windows are marked partial
"""
import hashlib
import json
import os
import subprocess
import time

from virtest import Daemon, Redis, eventually
from virtest.scratch import REPO, SCRATCH

ACTIONS = ("impression view share_intent share share_cancel unshare like comment save mention conversion hide report").split()
PASSWORDS = {"virald": "daemon secret", "dashboard": "dashboard secret"}
MINUTE = 60000
BACK = 9 * MINUTE
LONG = "A title that is longer than the sixty bytes which the main hash has room for"
RULES = """
groups:
- name: seeded
  rules:
  - alert: Short
    expr: shares{window="1m"} >= 10
    labels: {severity: warning}
    annotations: {summary: "{{ $labels.title }}: {{ $value }}"}
  - alert: Spreading
    expr: shares{window="1h"} >= 10
    labels: {severity: page}
  - alert: Ripening
    expr: shares_total >= 5
    for: 12h
"""


def event(content, action, time_ms, number, **more):
    return {"event_id": f"{content}-{number}", "event_time": time_ms, "action": action, "content_id": content,
            "channel": "weibo" if number % 3 else "qq", "actor_id": f"actor-{number}", **more}


def first_article(now):
    """Many shares at once, then one every quarter of a minute, then one of everything."""
    more = {"title": LONG, "url": "https://example.org/" + 50 * "x", "author_id": "author-1", "content_type": "article"}
    times = [now - BACK + number * 1000 for number in range(20)]
    times += range(now - BACK + MINUTE, now - MINUTE, MINUTE // 4)
    shares = [event("article-1", "share", at, number, **more) for number, at in enumerate(times)]
    rest = [event("article-1", action, now - 5000, 1000 + number) for number, action in enumerate(ACTIONS)]
    return shares + rest


def second_article(now):
    return [event("article-2", "share", now - 3 * MINUTE, number, title="The other") for number in range(3)]


def as_records(events, partition):
    return [(item["content_id"].encode(), json.dumps(item).encode(), partition) for item in events]


def redis_cli(server, *args, text=None, user=None):
    """Standard output of redis-cli; an answer that is an error raises."""
    argv = ["redis-cli", "-e", "-s", str(server.socket), *([] if user is None else ["--user", user]), *args]
    env = {**os.environ, **({} if user is None else {"REDISCLI_AUTH": PASSWORDS[user]})}
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=30, env=env, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stdout}{done.stderr}")
    return done.stdout


def add_users(server):
    """The two lines of ACL.md for each user."""
    for user, password in PASSWORDS.items():
        answers = redis_cli(server, text=(REPO / "deploy" / "redis" / f"{user}.acl").read_text())
        assert set(answers.split()) == {"OK"}, answers
        redis_cli(server, "ACL", "SETUSER", user, "#" + hashlib.sha256(password.encode()).hexdigest())


class Stack:
    """server, topic, daemon; all that was produced is in the merged views once the constructor returns."""

    def __init__(self, kafka):
        self.kafka = kafka
        self.server = Redis("seeded")
        add_users(self.server)
        self.topic = kafka.create_topic(partitions=2)
        folder = SCRATCH.folder("seeded")
        (folder / "rules.yaml").write_text(RULES)
        (folder / "password").write_text(PASSWORDS["virald"] + "\n")
        self.config = {
            "rules_files": [str(folder / "rules.yaml")], "idle_timeout": "500ms",
            "kafka": {"brokers": kafka.bootstrap, "topics": [self.topic], "group_id": self.topic, "dlq_topic": ""},
            "redis": {"url": f"unix://{self.server.socket}", "user": "virald", "password_file": str(folder / "password")},
            "publisher": {"interval": "200ms"}, "http": {"listen": ""},
        }
        self.daemon = Daemon(self.config)
        try:
            self.daemon.start()
            now = int(time.time() * 1000)
            self.produce(first_article(now), 0)
            self.produce(second_article(now), 1)
            self.wait_shown()
        except BaseException:
            self.close()
            raise

    def produce(self, events, partition):
        self.kafka.produce(self.topic, as_records(events, partition))

    def wait_shown(self):
        """Until the merged views hold all that is in the topic."""
        ends = self.kafka.end_offsets(self.topic)
        client = self.server.client(decode=True)

        def shown():
            self.daemon.check()
            parts = client.hgetall("vir:meta:parts")
            return {name: text.split()[0] for name, text in parts.items()} == \
                {f"{self.topic}:{number}": str(end) for number, end in ends.items()}
        eventually(shown, 60, "the merged views hold the whole topic")

    def close(self):
        self.daemon.close()
        self.server.close()
