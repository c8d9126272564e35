# SPDX-License-Identifier: Apache-2.0
"""virald.service under a real systemd."""
import contextlib
import ctypes
import os
import pathlib
import signal
import subprocess

import pytest

from units import CHANGE_S, PARTITIONS, PASSWORD, UNIT
from virtest import eventually

pytestmark = pytest.mark.service

DYNAMIC = range(61184, 65520)       # users of systemd's DynamicUser=
PTRACE_SEIZE, PTRACE_INTERRUPT, WALL = 0x4206, 0x4207, 0x40000000


def test_start_returns_when_it_is_ready_and_counts(service):
    service.produce(1)
    service.start()
    assert service.get("/readyz") == (200, "ok\n")
    assert service.show("ActiveState") == "active"
    service.fleet.settle()
    report = service.fleet.check()
    assert report.counts["alerts"] > 0
    assert service.metric("virald_events_consumed_total") == sum(service.fleet.kafka.end_offsets(service.fleet.topics[0]).values())
    assert service.metric("virald_alerts_announced_total") > 0
    assert service.metric("virald_redis_flush_duration_seconds_count") == service.metric("virald_cuts_total") > 0
    assert service.metric('virald_partitions{state="running"}') == PARTITIONS
    subprocess.run(["promtool", "check", "metrics"], input=service.get("/metrics")[1], text=True, check=True)
    eventually(lambda: f"{PARTITIONS} of {PARTITIONS} partitions running" in service.show("StatusText"))


def test_it_waits_for_redis_before_it_is_ready(service):
    service.redis.stop()
    service.tree.systemctl("start", "--no-block", UNIT)
    eventually(lambda: service.show("StatusText").startswith("waiting for Redis"))
    assert service.show("ActiveState") == "activating"
    status, text = service.get("/readyz")
    assert status == 503 and "[-]started failed: waiting for Redis" in text
    assert service.get("/livez")[0] == 200
    assert service.entries("waiting")
    service.redis.start()
    service.wait_for("ActiveState", "active")
    assert service.get("/readyz")[0] == 200
    assert service.show("NRestarts") == "0"


def test_it_has_no_rights_and_keeps_its_secret(service):
    service.start()
    pid = service.pid
    assert service.tree.run("ps", "-o", "uid=", "-p", pid).stdout.strip() != "0"
    status = dict(line.split(":\t", 1) for line in service.tree.run("cat", f"/proc/{pid}/status").stdout.splitlines())
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    shown = service.text("-o", "verbose") + service.get("/metrics")[1]
    shown += service.tree.run("cat", f"/proc/{pid}/environ", f"/proc/{pid}/cmdline").stdout
    assert PASSWORD not in shown


def test_a_reload_takes_new_rules_while_it_counts(service):
    service.start()
    pid = service.pid
    service.write(rules="groups: [{name: g, rules: [{alert: Any, expr: 'shares_total >= 5'}]}]\n", log={"level": "debug"})
    service.tree.systemctl("reload", UNIT)
    eventually(lambda: any("rule set 2" in entry["MESSAGE"] for entry in service.entries("rules")), what="the new rules are in force")
    eventually(lambda: service.metric("virald_rules_in_force") in (1, 2))
    service.produce(2)
    service.fleet.settle()
    service.fleet.check(need=("fields", "contents"))
    assert {key.split(b":")[-1] for key in service.fleet.alerts.scan_iter("vir:alert:*")}
    assert service.pid == pid and service.show("NRestarts") == "0"
    assert service.metric("virald_config_last_reload_successful") == 1
    assert service.metric("virald_rules_in_force") == 2


def test_a_reload_with_a_mistake_changes_nothing(service):
    service.produce(3)
    service.start()
    pid, good = service.pid, service.fleet.rules_file.read_text()
    service.write(rules="groups:\n- name: g\n  rules:\n  - alert: Broken\n    expr: shares{window=\"1m\"} >=\n")
    assert service.tree.run("systemctl", "reload", UNIT, check=False).returncode != 0
    assert "/etc/virald/rules.d/system.yaml:5:" in service.text()
    assert not service.entries("reload_refused")
    service.tree.run("kill", "-HUP", pid)
    eventually(lambda: service.entries("reload_refused"), what="the daemon itself refuses it too")
    eventually(lambda: service.metric("virald_config_last_reload_successful") == 0)
    assert service.show("ActiveState") == "active" and service.pid == pid
    service.fleet.write_rules(good)
    service.fleet.settle()
    service.fleet.check()
    service.write()
    service.tree.systemctl("reload", UNIT)
    eventually(lambda: service.metric("virald_config_last_reload_successful") == 1)
    assert service.pid == pid


def hang_all(service):
    os.kill(service.outside(), signal.SIGSTOP)
    return lambda: None


def hang_one_worker(service):
    """Nothing but one worker stands: the kernel stops a thread that is traced. Whoever traces has to bury it."""
    libc = ctypes.CDLL(None, use_errno=True)
    tasks = pathlib.Path(f"/proc/{service.outside()}/task")
    thread = next(int(task.name) for task in tasks.iterdir() if (task / "comm").read_text() == "worker-0\n")
    for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
        assert libc.ptrace(request, thread, None, None) == 0, os.strerror(ctypes.get_errno())

    def bury():
        with contextlib.suppress(ChildProcessError):
            os.waitpid(thread, os.WNOHANG | WALL)
    return bury


@pytest.mark.parametrize("hang", [hang_all, hang_one_worker])
def test_the_watchdog_ends_what_hangs_and_it_resumes_exactly(service, hang):
    service.produce(4, 2000)
    service.start()
    service.fleet.settle()
    bury = hang(service)
    service.produce(5, 2000)
    eventually(lambda: bury() or service.show("NRestarts") == "1", CHANGE_S, "the watchdog ended it")
    service.wait_for("ActiveState", "active")
    service.fleet.settle()
    service.fleet.check()
    assert service.show("NRestarts") == "1"


def test_it_comes_back_after_a_kill(service):
    service.produce(6)
    service.start()
    service.tree.systemctl("kill", "--kill-whom=main", "--signal=KILL", UNIT)
    service.wait_for("NRestarts", "1")
    service.wait_for("ActiveState", "active")
    service.fleet.settle()
    service.fleet.check()


def test_a_stop_writes_what_it_has_and_leaves(service):
    service.produce(7)
    service.start()
    eventually(lambda: service.metric("virald_events_consumed_total"))
    service.tree.systemctl("stop", UNIT)
    assert service.show("Result") == "success" and service.show("ExecMainStatus") == "0"
    assert [entry["VIRALD_EVENT"] for entry in service.entries() if "VIRALD_EVENT" in entry][-1] == "stopped"
    stored = service.fleet.offsets(service.fleet.topics[0])
    assert sum(stored.values()) > 0
    assert service.fleet.kafka.committed(service.fleet.config["kafka"]["group_id"], service.fleet.topics[0]) == stored
    service.start()
    service.fleet.settle()
    service.fleet.check()


def test_a_mistake_in_the_configuration_is_not_tried_again(service):
    service.write(kafka={"on_gap": "perhaps"})
    assert service.tree.run("systemctl", "start", UNIT, check=False).returncode != 0
    assert service.show("ExecMainStatus") == "78"
    assert service.show("ActiveState") == "failed" and service.show("NRestarts") == "0"
    assert "/etc/virald/conf.d/system.yaml:" in service.text() and "on_gap" in service.text()


def test_a_port_that_is_taken_is_told(service):
    service.write(http={"listen": f"127.0.0.1:{service.fleet.kafka.nodes[0].port}"})
    assert service.tree.run("systemctl", "start", UNIT, check=False).returncode != 0
    assert service.show("ExecMainStatus") == "78"
    assert "Address already in use" in service.text()


def test_the_journal_has_fields_and_explains(service):
    topic = service.fleet.topics[0]
    service.produce(8)
    service.fleet.kafka.produce(topic, [(b"bad", b"\xff\xff\xff")])
    service.start()
    service.fleet.settle()
    entry = eventually(lambda: service.entries("refused"))[0]
    assert entry["VIRALD_TOPIC"] == topic and entry["VIRALD_PARTITION"] in map(str, range(PARTITIONS))
    assert entry["VIRALD_ERR"] == "decode" and entry["PRIORITY"] == "4" and entry["SYSLOG_IDENTIFIER"] == "virald"
    assert entry["_SYSTEMD_UNIT"] == UNIT
    ready = service.entries("ready")
    assert len(ready) == 1 and ready[0]["PRIORITY"] == "6" and ready[0]["MESSAGE_ID"] != entry["MESSAGE_ID"]
    explained = service.text("-x", f"MESSAGE_ID={entry['MESSAGE_ID']}")
    assert "Subject: A record was refused" in explained and "dead-letter topic" in explained
    catalog = service.tree.run("journalctl", "--list-catalog").stdout
    assert catalog.count(" virald: ") == catalog.count("virald: ") > 20


def user_of(service):
    service.start()
    assert service.get("/readyz")[0] == 200
    return int(service.tree.run("ps", "-o", "uid=", "-p", service.pid).stdout)


def test_it_runs_as_the_user_of_sysusers_or_as_one_made_for_it(service):
    fixed = int(service.tree.run("id", "-u", "virald").stdout)
    assert user_of(service) == fixed
    service.tree.systemctl("stop", UNIT)
    service.tree.run("userdel", "virald")
    try:
        assert user_of(service) in DYNAMIC
        service.tree.systemctl("stop", UNIT)
    finally:
        service.tree.run("systemd-sysusers")
    assert user_of(service) not in DYNAMIC
