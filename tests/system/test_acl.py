# SPDX-License-Identifier: Apache-2.0
"""The ACL users of deploy/redis: the daemon has what it needs and no more, a dashboard can read what is public and nothing else."""
import pathlib
import re
import subprocess

import pytest
import redis

from seeded import PASSWORDS, Stack, add_users, redis_cli
from virtest import Redis
from virtest.daemon import binary
from virtest.scratch import REPO

DENIED = redis.exceptions.NoPermissionError
COMMAND = re.compile(r'vr_cmd(?:_words)?\([^"\n]*"([A-Z]+)"')
# Denied on purpose: CONFIG GET shows passwords too. The daemon asks, and goes on without an answer.
ASKED_IN_VAIN = {"CONFIG", "AUTH"}

FORBIDDEN = {
    "virald": ["FLUSHALL", "FLUSHDB", "KEYS vir:*", "CONFIG GET requirepass", "CONFIG SET appendonly no", "SHUTDOWN NOSAVE",
               "ACL LIST", "ACL SETUSER virald +@all", "EVAL return(1) 0", "REPLICAOF NO ONE", "MONITOR",
               "GET other", "SET other 1", "HGETALL {other:t:0}:own", "PUBLISH other 1", "CLIENT KILL ID 1"],
    "dashboard": ["SET vir:x 1", "DEL vir:meta", "HSET vir:all x 1", "ZADD vir:top:5m 1 x", "XADD vir:alerts * a b",
                  "EXPIRE vir:meta 1", "RENAME vir:meta vir:x", "COPY vir:meta vir:x", "SWAPDB 0 1", "PUBLISH vir:alerts:live x",
                  "FLUSHALL", "KEYS vir:*", "CONFIG GET requirepass", "ACL LIST", "EVAL return(1) 0", "SHUTDOWN NOSAVE", "GET other",
                  "HGETALL {vir:t:0}:own", "RESTORE vir:x 0 x", "SORT vir:channels STORE vir:x", "SUBSCRIBE other"],
}


@pytest.fixture(scope="module")
def stack(kafka):
    made = Stack(kafka)
    yield made
    made.close()


@pytest.fixture(scope="module")
def server():
    made = Redis("acl")
    add_users(made)
    yield made
    made.close()


def client_of(server, user, db=0):
    return redis.Redis(unix_socket_path=str(server.socket), db=db, username=user, password=PASSWORDS[user], decode_responses=True)


def commands_of(server, user):
    """Redis names a category where a user has all of it."""
    client = server.client(decode=True)
    names = set()
    for rule in client.acl_getuser(user)["commands"] + client.acl_getuser(user)["categories"]:
        names |= set(client.acl_cat(rule[2:])) if rule.startswith("+@") else {rule[1:]} if rule[0] == "+" else set()
    return {name.upper() for name in names}


@pytest.mark.parametrize("user,line", [(user, line) for user, lines in FORBIDDEN.items() for line in lines])
def test_what_a_user_may_not_do(server, user, line):
    with client_of(server, user) as client, pytest.raises(DENIED):
        client.execute_command(*line.split())


def test_a_user_without_a_password_cannot_log_in(closing):
    fresh = closing(Redis("acl"))
    for user in PASSWORDS:
        redis_cli(fresh, text=(REPO / "deploy" / "redis" / f"{user}.acl").read_text())
        for password in ("", "x"):
            with pytest.raises((redis.exceptions.AuthenticationError, redis.exceptions.ResponseError)):
                redis.Redis(unix_socket_path=str(fresh.socket)).execute_command("AUTH", user, password)


def test_the_lines_of_the_page_give_each_user_its_password(closing, tmp_path):
    fresh = closing(Redis("acl"))
    page = (REPO / "deploy" / "redis" / "ACL.md").read_text()
    lines = page.split("```\n")[1].replace("/etc/virald", str(tmp_path)).replace("redis-cli", f"redis-cli -e -s {fresh.socket}")
    (tmp_path / "redis-password").write_text(PASSWORDS["virald"] + "\n")
    (tmp_path / "dashboard-password").write_text(PASSWORDS["dashboard"])
    done = subprocess.run(["bash", "-e", "-c", lines], cwd=REPO / "deploy" / "redis", capture_output=True, text=True, timeout=30,
                          check=False)
    assert done.returncode == 0 and set(done.stdout.split()) == {"OK"}, done.stdout + done.stderr
    for user in PASSWORDS:
        assert client_of(fresh, user).ping()


def test_the_files_can_be_applied_again(server):
    add_users(server)
    before = server.client(decode=True).acl_list()
    for user in PASSWORDS:
        redis_cli(server, text=(REPO / "deploy" / "redis" / f"{user}.acl").read_text())
    assert server.client(decode=True).acl_list() == before
    assert client_of(server, "virald").ping()


def test_the_daemon_may_send_every_command_that_its_code_names(server):
    sources = [path for path in pathlib.Path(REPO / "src").rglob("*.c")]
    named = {command for path in sources for command in COMMAND.findall(path.read_text())}
    assert len(named) > 25
    assert named - ASKED_IN_VAIN - commands_of(server, "virald") == set()


def test_what_a_cut_and_a_switch_are_made_of(server):
    with client_of(server, "virald") as client:
        assert client.execute_command("INFO")["role"] == "master"
        assert client.execute_command("WATCH", "{vir:t:0}:own")
        assert client.execute_command("MULTI")
        for line in ("HSET {vir:t:0}:own off 1", "SELECT 2", "XADD vir:alerts * id 1", "PUBLISH vir:alerts:live x", "SELECT 0"):
            client.execute_command(*line.split())
        assert client.execute_command("EXEC")[0] == 1
        assert client.execute_command("UNWATCH")
    # A connection of its own: SWAPDB counts for every client.
    with client_of(server, "virald") as client:
        assert client.execute_command("SWAPDB", 0, 1)
        assert client.exists("{vir:t:0}:own") == 0
        assert client.execute_command("SWAPDB", 0, 1)
        assert client.hget("{vir:t:0}:own", "off") == "1"


def test_a_dashboard_reads_in_a_transaction(server):
    server.client().hset("vir:meta", "state", "live")
    with client_of(server, "dashboard") as client, client.pipeline(transaction=True) as pipe:
        assert pipe.hgetall("vir:meta").exists("vir:all").execute() == [{"state": "live"}, 0]


def denied(server, user):
    log = server.client(decode=True).execute_command("ACL", "LOG")
    entries = [item if isinstance(item, dict) else dict(zip(item[::2], item[1::2])) for item in log]
    return {entry["object"] for entry in entries if entry["username"] == user}


def test_the_daemon_and_viralctl_run_as_their_user_and_are_denied_nothing(stack):
    def viralctl(*args, code=0):
        done = subprocess.run([binary("viralctl"), *args, "--config", stack.daemon.config_file], capture_output=True, text=True,
                              timeout=60, check=False)
        assert done.returncode == code, done.stderr
        return done.stdout

    assert "article-1" in viralctl("get", "top", "--window", "1h")
    assert "A title that is longer" in viralctl("get", "content", "article-1")
    assert "weibo" in viralctl("get", "channel", "weibo")
    assert viralctl("get", "all")
    assert "Spreading" in viralctl("alerts")
    assert "Ripening" in viralctl("alerts", "--active")
    assert f"{stack.topic}:1" in viralctl("partitions")
    done = subprocess.run([binary("virald"), "check", "--connect", "--config", stack.daemon.config_file], capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert stack.daemon.stop() == 0
    stack.daemon.start()
    stack.wait_shown()
    assert denied(stack.server, "virald") <= {"config|get"}
