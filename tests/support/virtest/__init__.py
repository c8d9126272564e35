# SPDX-License-Identifier: Apache-2.0
"""Real parts for the system tests: Kafka, Redis, the daemon, and a small Debian that systemd boots.

    scratch.py   where data and logs of a test run lie, and when they go
    process.py   a child process: its log, its signals, its end
    ports.py     ports that no other test run takes
    wait.py      eventually(): wait for a condition, never for a time
    kafka.py     Kafka: a KRaft cluster of one or more brokers
    redis.py     Redis: a private server that can die, hang, and lose its tail
    notify.py    NotifySocket: the other end of sd_notify
    daemon.py    Daemon: virald with a configuration of its own
    tree.py      Tree: a minimal Debian, booted by systemd-nspawn

Nothing here sleeps to let something happen; everything is probed. Whatever is started dies with the test run, also
when the test run is killed.
"""
from virtest.daemon import Daemon
from virtest.kafka import Kafka, Record
from virtest.notify import NotifySocket
from virtest.ports import PortLock
from virtest.process import Process
from virtest.redis import Redis
from virtest.tree import Tree
from virtest.wait import eventually

__all__ = ["Daemon", "Kafka", "NotifySocket", "PortLock", "Process", "Record", "Redis", "Tree", "eventually"]
