# SPDX-License-Identifier: Apache-2.0
"""The real parts themselves: what every other system test takes for granted."""
import os
import subprocess
import sys

import pytest

from virtest import NotifySocket, PortLock, Redis, Tree, eventually


def test_kafka_gives_back_what_it_was_given(kafka):
    topic = kafka.create_topic(partitions=3)
    sent = [(b"key-%d" % (i % 37), b"value-%d" % i, None, 1400000000000 + i) for i in range(1000)]
    assert kafka.produce(topic, sent) == 1000
    got = kafka.consume(topic)
    assert sorted((record.key, record.value, None, record.timestamp) for record in got) == sorted(sent)
    assert sum(kafka.end_offsets(topic).values()) == 1000


def test_kafka_reads_up_to_the_end_past_aborted_transactions(kafka):
    topic = kafka.create_topic()
    producer = kafka.producer(transactional_id=topic)
    producer.init_transactions(60)
    for number, finish in enumerate((producer.commit_transaction, producer.abort_transaction)):
        producer.begin_transaction()
        kafka.produce(topic, [(b"k", b"%d" % number)] * 5, producer)
        finish()
    eventually(lambda: kafka.end_offsets(topic) == {0: 12}, what="both markers are written")
    assert [record.value for record in kafka.consume(topic)] == [b"0"] * 5
    assert len(kafka.consume(topic, isolation="read_uncommitted")) == 10


def test_kafka_grows_cuts_and_recreates_a_topic(kafka):
    topic = kafka.create_topic(partitions=2)
    kafka.produce(topic, [(b"k", b"v", number % 2) for number in range(20)])
    kafka.delete_records(topic, {0: 4})
    assert kafka.offsets(topic) == {0: (4, 10), 1: (0, 10)}
    kafka.add_partitions(topic, 3)
    assert kafka.end_offsets(topic) == {0: 10, 1: 10, 2: 0}
    kafka.delete_topic(topic)
    kafka.create_topic(topic)
    assert kafka.offsets(topic) == {0: (0, 0)}


def test_redis_keeps_all_through_a_kill(closing):
    server = closing(Redis(appendonly=True))
    server.client().set("a", "1")
    server.kill()
    server.start()
    assert server.client().get("a") == b"1"


def test_redis_loses_exactly_the_tail(closing):
    server = closing(Redis(appendonly=True))
    server.client().set("a", "1")
    mark = server.mark()
    with server.client().pipeline(transaction=True) as pipe:
        pipe.set("a", "2").set("b", "2").execute()
    assert server.lose_tail(to=mark) > 0
    assert server.dump().keys() == {b"a"}
    assert server.client().get("a") == b"1"


def test_redis_drops_a_transaction_that_is_cut_through(closing):
    server = closing(Redis(appendonly=True))
    server.client().set("a", "1")
    with server.client().pipeline(transaction=True) as pipe:
        pipe.set("a", "2").set("b", "2").execute()
    server.lose_tail(lose=1)
    assert server.dump().keys() == {b"a"}
    assert server.client().get("a") == b"1"


def test_redis_answers_again_after_a_stop(redis_server):
    redis_server.pause()
    redis_server.resume()
    assert redis_server.client().ping()


def test_a_port_has_one_owner():
    locks = [PortLock() for _ in range(20)]
    assert len({lock.port for lock in locks}) == 20
    for lock in locks:
        lock.release()


@pytest.mark.parametrize("abstract", [False, True])
def test_notify_socket_hears_a_service(abstract):
    sock = NotifySocket(abstract)
    say = ("import os, socket; p = os.environ['NOTIFY_SOCKET'].replace('@', chr(0), 1)\n"
           "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'STATUS=x=y\\nREADY=1', p)")
    subprocess.run([sys.executable, "-c", say], check=True, env={**os.environ, **sock.env})
    assert sock.wait_for("READY", "1", timeout=5)["STATUS"] == "x=y"
    with pytest.raises(TimeoutError):
        sock.wait_for("STOPPING", timeout=0)
    sock.close()


@pytest.mark.service
def test_tree_boots_a_real_systemd(closing):
    tree = closing(Tree(network="private"))
    assert tree.boot().state() == "running"
    assert tree.run("cat", "/proc/1/comm").stdout == "systemd\n"
    tree.systemctl("start", "redis-server")
    assert tree.show("redis-server", "ActiveState") == "active"
    assert tree.run("redis-cli", "ping").stdout == "PONG\n"
    tree.stop()
