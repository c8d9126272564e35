# SPDX-License-Identifier: Apache-2.0
"""`virald replay` beside a fleet, and what it made of the spare database.

    done = replay(fleet, "--name", "fix")              runs to its end; done.returncode, done.stdout, done.stderr
    going = begin_replay(fleet, "--name", "fix")       a process that can be killed
    check_generation(fleet, "fix", partitions)         the spare database against the oracle, its alerts against those of live
    compared_by_diff(fleet, "fix")                     live against the spare database, by the word of viralctl
"""
import copy
import json
import subprocess
import time

from fleet import viralctl
from oracle.compare import compare
from virtest import Process
from virtest.daemon import binary

COMPARE_S = 5.0
RUN_S = 300


def argv(fleet, *args):
    daemon = fleet.daemons[0]
    daemon.write_config()
    return [binary("virald"), "replay", "--config", daemon.config_file, *map(str, args)]


def replay(fleet, *args, code=0):
    done = subprocess.run(argv(fleet, *args), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=RUN_S, check=False)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


def begin_replay(fleet, *args):
    return Process("replay", argv(fleet, *args))


def spare(fleet):
    return fleet.redis.client(1)


def generation(fleet):
    return {k.decode(): v.decode() for k, v in spare(fleet).hgetall("vir:gen").items()}


def entries(client, key):
    """The entries of an alert stream, each as a dictionary, by partition and in order."""
    out = {}
    for _, fields in client.xrange(key):
        entry = {k.decode(): v.decode() for k, v in fields.items()}
        out.setdefault((entry["topic"], entry["partition"]), []).append(entry)
    return out


def same_alerts(fleet, name):
    """Every alert of the replay, in order, with ids and times and all, is what live said; how many."""
    found, said = entries(fleet.alerts, f"vir:replay:{name}:alerts"), entries(fleet.alerts, "vir:alerts")
    assert found == said
    return sum(len(of) for of in found.values())


def check_alerts(fleet, name, partitions):
    """The alerts of the replay are those of the fold; how many."""
    listed = entries(fleet.alerts, f"vir:replay:{name}:alerts")
    for p in partitions:
        wanted = [(a["id"], a["state"], str(a["starts_ms"]), str(a["updated_ms"])) for a in p.alerts if a["state"] in ("firing", "resolved")]
        assert [(e["id"], e["state"], e["starts_ms"], e["updated_ms"]) for e in listed.get((p.topic, str(p.partition)), [])] == wanted
    return sum(len(of) for of in listed.values())


def without_active(partition):
    quiet = copy.copy(partition)
    quiet.active = type(partition.active)()
    return quiet


def check_generation(fleet, name, partitions, need=("fields", "windows", "contents", "board_rows"), alerts=True):
    """The spare database is the fold. Nothing is announced by it: to the oracle all of it lies before what was said."""
    assert spare(fleet).get("vir:generation") == name.encode()
    assert generation(fleet)["state"] == "full" and generation(fleet)["runner"] == ""
    silent = {f"{p.topic}:{p.partition}": 1 << 60 for p in partitions}
    report = compare(spare(fleet), fleet.redis.client(9), [without_active(p) for p in partitions], said=silent, need=need)
    assert report.ok, report.text()
    if alerts:
        check_alerts(fleet, name, partitions)
    return report


def compared_by_diff(fleet, name):
    """`viralctl diff` leaves nothing out and finds nothing; how much it compared."""
    fleet.daemons[0].write_config()
    total = json.loads(viralctl("diff", name, "--json", "--config", fleet.daemons[0].config_file).splitlines()[-1])
    left_out = ("moving", "older", "miskeyed", "partitions_apart", "alerts_untold")
    assert total["no_difference"] and not any(total[what] for what in left_out), total
    return total


def folded_so_far(fleet, logs=None, **more):
    """The fold of what the shadow has stored."""
    reached = offsets(fleet, fleet.topics[0])
    return fleet.fold({place: [r for r in of if r[0] < reached[place[1]]] for place, of in (logs or fleet.logs()).items()}, **more)


def wait_for(process, seconds=RUN_S):
    """Its exit status."""
    return process.wait(seconds)


def offsets(fleet, topic):
    """partition -> the shadow's stored offset, None where there is none."""
    found = {p: spare(fleet).hget(fleet.own(p, topic), "off") for p in fleet.kafka.partitions(topic)}
    return {p: None if off is None else int(off) for p, off in found.items()}


def now_ms():
    return int(time.time() * 1000)
