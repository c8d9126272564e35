/* SPDX-License-Identifier: Apache-2.0 */
/* floor.c - the least that consuming a topic can cost: librdkafka, in batches, and a count.
 *
 *      floor BROKERS TOPIC
 *
 * Reads every partition from its beginning to the end it had at the start, looks at no record, and prints one line of
 * JSON: records, bytes of values, seconds by the clock, seconds of CPU (all threads, user and system).
 * Properties are librdkafka's own defaults, but for what reading to the end needs.                                */
#include <librdkafka/rdkafka.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <time.h>

enum { BATCH = 1000, WAIT_MS = 1000, CALL_MS = 30000, IDLE_ROUNDS = 60 };

struct floor {
	rd_kafka_t *rk;
	rd_kafka_queue_t *queue;
	const char *topic;
	rd_kafka_topic_partition_list_t *parts;
	int64_t records, bytes;
	int left;			/* partitions whose end has not been reached */
};

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)fputs("floor: ", stderr);
	(void)vfprintf(stderr, format, args);
	(void)fputc('\n', stderr);
	va_end(args);
	exit(EX_UNAVAILABLE);
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char why[256];

	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
		die("%s: %s", name, why);
}

static void open_consumer(struct floor *f, const char *brokers)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[256];

	set(conf, "bootstrap.servers", brokers);
	set(conf, "group.id", "floor");		/* asked for, and never joined */
	set(conf, "enable.auto.commit", "false");
	set(conf, "enable.partition.eof", "true");
	f->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
	if (!f->rk)
		die("%s", why);
	rd_kafka_poll_set_consumer(f->rk);
	f->queue = rd_kafka_queue_get_consumer(f->rk);
}

static int partitions(struct floor *f)
{
	const struct rd_kafka_metadata *meta;
	rd_kafka_topic_t *topic = rd_kafka_topic_new(f->rk, f->topic, NULL);
	rd_kafka_resp_err_t err = rd_kafka_metadata(f->rk, 0, topic, &meta, CALL_MS);
	int n;

	if (err)
		die("%s", rd_kafka_err2str(err));
	if (meta->topic_cnt != 1 || meta->topics[0].err)
		die("there is no topic %s", f->topic);
	n = meta->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(meta);
	rd_kafka_topic_destroy(topic);
	return n;
}

static void assign(struct floor *f)
{
	rd_kafka_resp_err_t err;

	f->left = partitions(f);
	f->parts = rd_kafka_topic_partition_list_new(f->left);
	for (int i = 0; i < f->left; i++)
		rd_kafka_topic_partition_list_add(f->parts, f->topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
	err = rd_kafka_assign(f->rk, f->parts);
	if (err)
		die("%s", rd_kafka_err2str(err));
}

static void take(struct floor *f, rd_kafka_message_t *m)
{
	if (!m->err) {
		f->records++;
		f->bytes += (int64_t)m->len;
	} else if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		f->left--;
	} else {
		die("%s", rd_kafka_message_errstr(m));
	}
	rd_kafka_message_destroy(m);
}

static void read_all(struct floor *f)
{
	rd_kafka_message_t *batch[BATCH];
	int idle = 0;

	while (f->left > 0) {
		ssize_t n = rd_kafka_consume_batch_queue(f->queue, WAIT_MS, batch, BATCH);

		for (ssize_t i = 0; i < n; i++)
			take(f, batch[i]);
		idle = n > 0 ? 0 : idle + 1;
		if (idle == IDLE_ROUNDS)
			die("nothing came for a minute; %d partitions are not at their end", f->left);
	}
}

static void close_consumer(struct floor *f)
{
	rd_kafka_queue_destroy(f->queue);
	rd_kafka_topic_partition_list_destroy(f->parts);
	rd_kafka_destroy_flags(f->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

static double seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double clock_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	double start = clock_now(), wall;
	struct floor f = {0};
	struct rusage used;

	if (argc != 3) {
		(void)fputs("usage: floor BROKERS TOPIC\n", stderr);
		return EX_USAGE;
	}
	f.topic = argv[2];
	open_consumer(&f, argv[1]);
	assign(&f);
	read_all(&f);
	wall = clock_now() - start;
	(void)getrusage(RUSAGE_SELF, &used);
	(void)printf("{\"records\": %" PRId64 ", \"bytes\": %" PRId64 ", \"wall_s\": %.6f, \"cpu_s\": %.6f, \"peak_kib\": %ld}\n",
		f.records, f.bytes, wall, seconds_of(used.ru_utime) + seconds_of(used.ru_stime), used.ru_maxrss);
	close_consumer(&f);
	return EX_OK;
}
