# SPDX-License-Identifier: Apache-2.0
"""virald-replay@.service and virald-audit under a real systemd, beside virald.service."""
import re
import shutil

import pytest

import events
from replays import check_generation, folded_so_far, generation, offsets, spare
from units import CHANGE_S, PASSWORD, UNIT
from virtest import eventually

pytestmark = pytest.mark.service

AUDIT, TIMER = "virald-audit.service", "virald-audit.timer"
DEFAULT_WEIGHT = 100
REFUSED = "78"


def options(service, text, name="fix-1"):
    """A replay with these options, as the manual has it."""
    service.tree.path(f"/etc/virald/replay/{name}.conf").write_text(f'REPLAY_OPTIONS="{text}"\n')
    return service.unit(f"virald-replay@{name}.service")


def stored(service):
    """How much of the topic the shadow has."""
    return sum(off or 0 for off in offsets(service.fleet, service.fleet.topics[0]).values())


def counted(unit):
    return int(re.findall(r"is complete: (\d+) events counted, (\d+) refused, (\d+) duplicates", unit.text())[-1][0])


def ends_well(unit):
    """A unit that failed is never inactive; of one that did not systemd soon knows no more."""
    ended = eventually(lambda: unit.show("ActiveState") in ("inactive", "failed") and unit.show("ActiveState"), CHANGE_S)
    assert ended == "inactive", unit.text()


def started(unit):
    unit.start()
    return unit


def begin(service, count):
    service.produce(1, count)
    service.start()
    service.fleet.settle()


def share(service, content):
    """Somebody shares it; the key of its state."""
    fleet, topic = service.fleet, service.fleet.topics[0]
    fleet.kafka.produce(topic, [events.record(events.share(content))])
    fleet.settle()
    return next(fleet.live.scan_iter(f"{{vir:{topic}:*}}:c:{content}"))


# ------------------------------------------------------------------------------------ the replay

def systemd_starts_it_again(replay):
    replay.wait_for("NRestarts", "1")


def operator_starts_it_again(replay):
    replay.start()


@pytest.mark.parametrize("again,more", [
    (systemd_starts_it_again, ""),
    (operator_starts_it_again, "--rules /etc/virald/rules.d/system.yaml --topic {topic} --from earliest --to live"),
])
def test_a_killed_replay_goes_on_where_its_cuts_say(service, again, more):
    begin(service, 12000)
    replay = started(options(service, "--rate 2000 " + more.format(topic=service.fleet.topics[0])))
    assert replay.show("ActiveState") == "active"
    assert "generation fix-1:" in eventually(lambda: replay.show("StatusText"))
    eventually(lambda: stored(service) > 3000, what="some of it is stored")
    replay.kill()
    had = stored(service)
    assert replay.show("NRestarts") == "0" and generation(service.fleet)["state"] == "filling"
    service.produce(2, 1000)
    again(replay)
    ends_well(replay)
    assert counted(replay) <= stored(service) - had
    service.fleet.settle()
    assert service.show("ActiveState") == "active" and service.show("NRestarts") == "0"
    service.fleet.check()
    check_generation(service.fleet, "fix-1", folded_so_far(service.fleet))
    assert service.virald("diff", "fix-1", program="viralctl").rstrip().endswith("no difference")


def test_a_stopped_replay_has_written_what_it_had(service):
    begin(service, 8000)
    replay = started(options(service, "--rate 2000"))
    eventually(lambda: stored(service) > 1500, what="some of it is stored")
    replay.stop()
    ends_well(replay)
    had = stored(service)
    assert generation(service.fleet)["state"] == "filling" and generation(service.fleet)["runner"] == ""
    assert "virald replay --name fix-1" in replay.text()
    replay.start()
    ends_well(replay)
    assert replay.show("NRestarts") == "0"
    assert counted(replay) <= stored(service) - had
    check_generation(service.fleet, "fix-1", service.fleet.fold())


def test_what_a_person_has_to_decide_is_not_tried_again(service):
    begin(service, 500)
    ends_well(started(options(service, "", "other")))
    replay = options(service, "--from earliest")
    replay.start_fails()
    assert replay.show("ActiveState") == "failed" and replay.show("ExecMainStatus") == REFUSED and replay.show("NRestarts") == "0"
    assert "--discard other" in replay.text()


def test_one_that_has_switched_has_nothing_left_to_do(service):
    begin(service, 2000)
    replay = started(options(service, "--from earliest --switch"))
    ends_well(replay)
    assert service.fleet.live.get("vir:generation") == b"fix-1"
    ends_well(started(replay))
    assert "generation fix-1 is live already; nothing was done" in replay.text()
    service.fleet.settle()
    service.fleet.check()
    assert service.show("ActiveState") == "active" and service.show("NRestarts") == "0"


def test_both_have_less_weight_than_live_beside_which_they_are_weighed(service):
    begin(service, 4000)
    replay, audit = started(options(service, "--rate 500")), service.unit(AUDIT)
    for unit in (replay, audit):
        assert int(unit.show("CPUWeight")) < DEFAULT_WEIGHT and int(unit.show("IOWeight")) < DEFAULT_WEIGHT
        assert unit.show("Slice") == service.show("Slice")
    above, name = replay.show("ControlGroup").rsplit("/", 1)
    assert name == replay.name and service.show("ControlGroup") == f"{above}/{UNIT}"


def test_both_are_as_systemd_wants_them(service):
    names = [UNIT, "virald-replay@fix-1.service", AUDIT, TIMER]
    assert service.tree.run("systemd-analyze", "verify", "--man=no", *names).stderr == ""
    for name in names[:3]:
        service.tree.run("systemd-analyze", "security", "--no-pager", "--threshold=13", name)


# ------------------------------------------------------------------------------------ the audit

def test_the_timer_starts_an_audit_that_finds_nothing(service):
    begin(service, 4000)
    audit, timer = service.unit(AUDIT), service.unit(TIMER)
    service.tree.systemctl("enable", "--now", TIMER)
    assert timer.show("ActiveState") == "active" and timer.show("UnitFileState") == "enabled"
    assert re.search(r" 0[34]:\d\d:\d\d ", timer.show("NextElapseUSecRealtime")) and audit.show("ActiveState") == "inactive"
    now = service.tree.path(f"/etc/systemd/system/{TIMER}.d")
    now.mkdir()
    (now / "now.conf").write_text("[Timer]\nOnActiveSec=1us\nRandomizedDelaySec=0\nAccuracySec=1us\n")
    try:
        service.tree.systemctl("daemon-reload")
        service.tree.systemctl("restart", TIMER)
        eventually(lambda: audit.show("ExecMainExitTimestampMonotonic") != "0", what="it has run")
    finally:
        service.tree.systemctl("disable", "--now", TIMER)
        shutil.rmtree(now)
        service.tree.systemctl("daemon-reload")
    ends_well(audit)
    assert audit.text("-o", "cat").rstrip().endswith("no difference")
    assert spare(service.fleet).dbsize() == 0


def state_is_taken_back(service):
    """A share of before is forgotten."""
    live, old = service.fleet.live, None
    for _ in range(2):
        key, older = share(service, "wrong"), old
        old = live.dump(key)
    return lambda: live.restore(key, 0, older, replace=True)


def people_are_shown_more(service):
    share(service, "wrong")
    return lambda: service.fleet.live.hincrby("vir:c:{wrong}", "shares_total")


@pytest.mark.parametrize("prepare,found", [
    (state_is_taken_back, r"wrong +shares_\w+ +1 +2 "),
    (people_are_shown_more, r"wrong +shown shares_total +2 +1 "),
])
def test_an_audit_names_what_is_not_what_the_log_says(service, prepare, found):
    begin(service, 2000)
    falsify, audit = prepare(service), service.unit(AUDIT)
    audit.start()
    ends_well(audit)
    falsify()
    audit.start_fails()
    assert audit.show("Result") == "exit-code" and audit.show("ExecMainStatus") == "1"
    assert re.search(found, audit.text("-o", "cat"))
    assert PASSWORD not in audit.text()
