# SPDX-License-Identifier: Apache-2.0
"""Apache Kafka in KRaft mode: one broker or several, each also a controller, on private ports.

Debian's python3-confluent-kafka (1.7.0 on librdkafka 2.0.2) talks to Kafka 4.1. What it cannot do (delete records,
elect leaders) goes through Kafka's own Java tools, a second or two a call: see tool().
"""
import base64
import collections
import json
import os
import subprocess
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from virtest.ports import PortLock
from virtest.process import Process
from virtest.scratch import REPO, SCRATCH
from virtest.wait import eventually

START_S = 120.0
CALL_S = 60.0
BATCH, BATCH_S = 10000, 0.1     # a call waits until the batch is full or the time is over
JAVA = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]

# What a broker is told beside its ports and folders.
PROPERTIES = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.num.partitions": 4,
    "share.coordinator.state.topic.num.partitions": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "group.initial.rebalance.delay.ms": 0,
    "log.cleaner.dedupe.buffer.size": 8388608,
    "log.cleaner.threads": 1,
    "num.network.threads": 2,
    "num.io.threads": 4,
    "unclean.leader.election.enable": "true",
}

# Recorded events are years old, and the broker deletes by the records' own times.
TOPIC_DEFAULTS = {"retention.ms": "-1"}

Record = collections.namedtuple("Record", "key value partition timestamp headers", defaults=(None, None, None, None, None))
Record.__doc__ = "A record to produce. partition None: by the key's murmur2 hash; timestamp in ms, None: now."

Got = collections.namedtuple("Got", "partition offset key value timestamp headers")
Got.__doc__ = "A record that was read; timestamp in ms."


def libraries():
    """The folder of Kafka's jars, fetched when it is not there."""
    script = REPO / "tests" / "support" / "fetch-kafka"
    home = subprocess.run([script], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    return home + "/libs/*"


class Node:
    """One broker: its ports, its folder, its process."""

    def __init__(self, name, number, heap):
        self.name = f"{name}{number}"
        self.number = number
        self.heap = heap
        self.folder = SCRATCH.folder(self.name)
        self._locks = PortLock(), PortLock()
        self.port, self.controller_port = (lock.port for lock in self._locks)
        self.process = None
        self._log = SCRATCH.log(self.name)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def voter(self):
        return f"{self.number}@127.0.0.1:{self.controller_port}"

    def write_config(self, properties):
        own = {
            "node.id": self.number,
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "log.dirs": self.folder / "data",
        }
        lines = {**properties, **own}
        (self.folder / "server.properties").write_text("".join(f"{key}={value}\n" for key, value in lines.items()))

    def format(self, jars, cluster_id):
        argv = [*JAVA, "-cp", jars, "kafka.tools.StorageTool", "format", "-t", cluster_id,
                "-c", str(self.folder / "server.properties"), "--ignore-formatted"]
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: format failed:\n{done.stdout}")

    def start(self, jars):
        argv = ["java", f"-Xmx{self.heap}", "-XX:+UseSerialGC", "-Xshare:auto", "-cp", jars,
                "kafka.Kafka", self.folder / "server.properties"]
        self.process = Process(self.name, argv, log=self._log, cwd=self.folder)

    def close(self):
        if self.process is not None:
            self.process.kill()
        for lock in self._locks:
            lock.release()


class Kafka:
    """A cluster. Returns from the constructor once every broker answers."""

    def __init__(self, name="kafka", nodes=1, properties=None, heap="1g"):
        self.name = name
        self._jars = libraries()
        self.nodes = [Node(name, number, heap) for number in range(1, nodes + 1)]
        self._admin = None
        self.cluster_id = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=").replace("-", "A", 1)
        settings = self._settings(nodes, properties or {})
        for node in self.nodes:
            node.write_config(settings)
            node.format(self._jars, self.cluster_id)
            node.start(self._jars)
        self._wait_brokers(len(self.nodes))

    def _settings(self, nodes, properties):
        replicas = min(nodes, 3)
        return {
            **PROPERTIES,
            "controller.quorum.voters": ",".join(node.voter for node in self.nodes),
            "offsets.topic.replication.factor": replicas,
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": 1,
            "default.replication.factor": replicas,
            **properties,
        }

    # Life

    @property
    def bootstrap(self):
        return ",".join(node.address for node in self.nodes)

    def node(self, number):
        """Broker number 1, 2, ..."""
        return self.nodes[number - 1]

    def start_node(self, number):
        self.node(number).start(self._jars)
        self._wait_brokers(sum(node.process.running for node in self.nodes))

    def _wait_brokers(self, count):
        def all_there():
            for node in self.nodes:
                if node.number in started:
                    node.process.check()
            return len(self.admin.list_topics(timeout=2).brokers) >= count
        started = {node.number for node in self.nodes if node.process.running}
        eventually(all_there, START_S, f"{count} brokers of {self.name}", (KafkaException,))

    def close(self):
        for node in self.nodes:
            node.close()

    # Topics

    @property
    def admin(self):
        if self._admin is None:
            self._admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        return self._admin

    def topic_name(self, stem="t"):
        """A name that no other test has."""
        return SCRATCH.unique(f"{stem}-{os.getpid()}")

    def create_topic(self, name=None, partitions=1, replicas=-1, config=None):
        """Create it and wait until every partition has a leader; returns the name."""
        name = name or self.topic_name()
        settings = {**TOPIC_DEFAULTS, **{key: str(value) for key, value in (config or {}).items()}}
        new = NewTopic(name, num_partitions=partitions, replication_factor=replicas, config=settings)
        _result(self.admin.create_topics([new], operation_timeout=CALL_S))
        self._wait_partitions(name, partitions)
        return name

    def _wait_partitions(self, topic, count):
        def all_led():
            found = self.partitions(topic)
            return len(found) == count and all(meta.leader >= 0 and meta.error is None for meta in found.values())
        eventually(all_led, CALL_S, f"{count} partitions of {topic} with leaders", (KafkaException,))

    def partitions(self, topic):
        """number -> metadata (leader, replicas, isrs); empty if there is no such topic."""
        topics = self.admin.list_topics(timeout=CALL_S).topics
        return topics[topic].partitions if topic in topics else {}

    def delete_topic(self, topic):
        _result(self.admin.delete_topics([topic], operation_timeout=CALL_S))
        eventually(lambda: not self.partitions(topic), CALL_S, f"{topic} is gone", (KafkaException,))

    def add_partitions(self, topic, total):
        """Grow a topic to `total` partitions."""
        _result(self.admin.create_partitions([NewPartitions(topic, total)], operation_timeout=CALL_S))
        self._wait_partitions(topic, total)

    def delete_records(self, topic, before):
        """Move the start of the log: before = {partition: first offset that stays}."""
        order = {"version": 1, "partitions": [
            {"topic": topic, "partition": number, "offset": offset} for number, offset in before.items()]}
        path = SCRATCH.folder("delete-records") / "order.json"
        path.write_text(json.dumps(order))
        self.tool("org.apache.kafka.tools.DeleteRecordsCommand", "--offset-json-file", path)

    def offsets(self, topic):
        """partition -> (first offset, end offset); the end is the high watermark, open transactions included."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "virtest-offsets",
                             "isolation.level": "read_uncommitted", "log_level": 0})
        try:
            return {number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=CALL_S)
                    for number in sorted(self.partitions(topic))}
        finally:
            consumer.close()

    def begin_offsets(self, topic):
        return {number: first for number, (first, _) in self.offsets(topic).items()}

    def end_offsets(self, topic):
        return {number: end for number, (_, end) in self.offsets(topic).items()}

    def committed(self, group, topic):
        """partition -> the offset that a group has committed, None where it has none."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": group, "log_level": 0})
        wanted = [TopicPartition(topic, number) for number in sorted(self.partitions(topic))]
        try:
            found = consumer.committed(wanted, timeout=CALL_S)
            return {at.partition: at.offset if at.offset >= 0 else None for at in found}
        finally:
            consumer.close()

    # Records

    def producer(self, **config):
        """A producer that keeps order and loses nothing; arguments are librdkafka's, with _ for a dot."""
        settings = {"bootstrap.servers": self.bootstrap, "enable.idempotence": True, "linger.ms": 5,
                    "partitioner": "murmur2_random", "queue.buffering.max.messages": 1000000}
        settings.update({key.replace("_", "."): value for key, value in config.items()})
        return Producer(settings)

    def produce(self, topic, records, producer=None):
        """Append records (Record, or the beginning of one as a tuple); returns how many, all acknowledged."""
        producer = self.producer() if producer is None else producer
        failed = []
        count = 0
        for record in records:
            self._produce_one(producer, topic, Record(*record), lambda err, _: err is not None and failed.append(err))
            count += 1
        left = producer.flush(CALL_S)
        if failed or left > 0:
            raise RuntimeError(f"{topic}: {len(failed)} records refused ({failed[:1]}), {left} not acknowledged")
        return count

    @staticmethod
    def _produce_one(producer, topic, record, on_delivery):
        options = {name: value for name, value in (
            ("partition", record.partition), ("timestamp", record.timestamp), ("headers", record.headers),
        ) if value is not None}
        while True:
            try:
                producer.produce(topic, key=record.key, value=record.value, on_delivery=on_delivery, **options)
                producer.poll(0)
                return
            except BufferError:
                producer.poll(1.0)

    def consume(self, topic, first=None, until=None, isolation="read_committed", timeout=CALL_S):
        """Every record from `first` (default: the beginning) up to the offsets `until` (default: the end as of now).

        Stops at end offsets, not at a number of records: markers of transactions take offsets too.
        """
        bounds = self.offsets(topic)
        start = {number: low for number, (low, _) in bounds.items()} | (first or {})
        end = {number: high for number, (_, high) in bounds.items()} | (until or {})
        consumer = Consumer({
            "bootstrap.servers": self.bootstrap, "group.id": "virtest-consume", "enable.auto.commit": False,
            "isolation.level": isolation, "enable.partition.eof": True, "auto.offset.reset": "error", "log_level": 0})
        try:
            return self._consume(consumer, topic, start, end, timeout)
        finally:
            consumer.close()

    @staticmethod
    def _consume(consumer, topic, start, end, timeout):
        left = {number for number, offset in end.items() if start[number] < offset}
        consumer.assign([TopicPartition(topic, number, start[number]) for number in left])
        found = []
        deadline = time.monotonic() + timeout
        while left:
            batch = consumer.consume(BATCH, timeout=BATCH_S)
            if batch:
                deadline = time.monotonic() + timeout
            elif time.monotonic() > deadline:
                raise TimeoutError(f"{topic}: partitions {sorted(left)} gave nothing for {timeout} s, {len(found)} read")
            for message in batch:
                if message.error() is None and message.offset() < end[message.partition()]:
                    found.append(_got(message))
                elif message.error() is not None and message.error().code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(message.error())
                # An end of partition carries the offset reached, also past a marker.
                reached = message.offset() + (1 if message.error() is None else 0)
                if reached >= end[message.partition()]:
                    left.discard(message.partition())
        return found

    def tool(self, java_class, *args):
        """Run one of Kafka's own tools, with --bootstrap-server; returns what it prints."""
        argv = [*JAVA, "-cp", self._jars, java_class, "--bootstrap-server", self.bootstrap, *map(str, args)]
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=CALL_S, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{java_class} failed ({done.returncode}):\n{done.stdout}")
        return done.stdout


def _result(futures):
    for future in futures.values():
        future.result(CALL_S)


def _got(message):
    return Got(message.partition(), message.offset(), message.key(), message.value(), message.timestamp()[1],
               message.headers())
