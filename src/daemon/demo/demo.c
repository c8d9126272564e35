/* SPDX-License-Identifier: Apache-2.0 */
#include "demo.h"

#include <errno.h>
#include <ftw.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "default_rules.h"
#include "picture.h"
#include "virality/codec.h"
#include "virality/simulate.h"

enum { HTTP_PORT = 9477, PARTITIONS = 4, READY_TRIES = 100, PATH_LEN = 256 };
#define TOPIC "virality-events"

struct demo {
	const struct vr_demo_options *options;
	char dir[PATH_LEN], socket[PATH_LEN], rules[PATH_LEN], http[32];
	pid_t redis;
	struct vr_mock *mock;
	struct vr_picture *picture;
	struct vr_producer *producer;
	pthread_t generator;
	bool generating;
	_Atomic bool stop;
	int64_t began_ms;
};

/* ------------------------------------------------ a port ------------------------------- */

/* The usual port, or any that is free when somebody (another demo, the daemon) has it. */
static int free_port(int wanted)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons((uint16_t)wanted)};
	socklen_t n = sizeof(a);
	int one = 1, port = 0, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return wanted;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&a, n) == 0 && getsockname(fd, (struct sockaddr *)&a, &n) == 0)
		port = ntohs(a.sin_port);
	close(fd);
	return port || wanted == 0 ? port : free_port(0);
}

/* ------------------------------------------------ a private Redis ---------------------- */

static struct vr_redis_config redis_config(const struct demo *d)
{
	return (struct vr_redis_config){.unix_path = vr_str_c(d->socket), .connect_timeout = {1000}, .timeout = {5000}};
}

static void exec_redis(const struct demo *d)
{
	char log[PATH_LEN + 16];
	snprintf(log, sizeof(log), "%s/redis.log", d->dir);
	execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", d->socket, "--dir", d->dir, "--save", "", "--appendonly", "no",
		"--logfile", log, (char *)NULL);
	fprintf(stderr, "virald: cannot start redis-server: %s; install it (Debian: apt-get install redis-server)\n", strerror(errno));
	_exit(EX_UNAVAILABLE);
}

static enum vr_err wait_redis(struct demo *d, struct vr_diag *why)
{
	struct vr_redis_config rc = redis_config(d);
	struct vr_redis *r;
	struct timespec moment = {0, 50000000};
	enum vr_err err = vr_redis_new(&rc, &r);
	if (err)
		return err;
	for (int i = 0; i < READY_TRIES && (err = vr_redis_connect(r, why)) != VR_OK; i++) {
		if (waitpid(d->redis, NULL, WNOHANG) == d->redis) {
			d->redis = 0;
			err = VR_E_AWAY;
			break;
		}
		nanosleep(&moment, NULL);	/* between two tries of a readiness probe */
	}
	vr_redis_free(r);
	return err;
}

static enum vr_err start_redis(struct demo *d, struct vr_diag *why)
{
	d->redis = fork();
	if (d->redis < 0)
		return vr_diag_set(why, VR_E_AWAY, "fork", "%s", strerror(errno));
	if (d->redis == 0)
		exec_redis(d);
	return wait_redis(d, why);
}

/* ------------------------------------------------ the generator ------------------------ */

static void wait_until(int64_t ms)
{
	int64_t left = ms - vr_clock_mono().ms;
	struct timespec t = {left / 1000, left % 1000 * 1000000};
	if (left > 0)
		nanosleep(&t, NULL);
}

static void send_event(struct demo *d, const struct vr_event *ev, struct vr_buf *b)
{
	vr_buf_clear(b);
	vr_codec_event_proto(ev, b);
	struct vr_outgoing o = {.topic = VR_STR(TOPIC), .partition = -1, .key = ev->content_id, .value = vr_buf_str(b), .has_key = true,
		.has_value = true, .time = ev->event_time};
	while (vr_producer_send(d->producer, &o, NULL) == VR_E_BUSY && !atomic_load(&d->stop))
		vr_producer_poll(d->producer, (struct vr_span){10});
}

/* Events at the pace of their own times. */
static void *generate(void *arg)
{
	struct demo *d = arg;
	struct vr_mem mem = vr_mem_heap();
	struct vr_sim_config sc = vr_sim_config_default();
	struct timespec now;
	struct vr_sim *sim;
	struct vr_buf b;
	clock_gettime(CLOCK_REALTIME, &now);
	int64_t wall = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, mono = vr_clock_mono().ms;
	sc.seed = d->options->seed;
	sc.rate = d->options->rate;
	sc.start.ms = wall;
	sc.rhythm = false;
	if (vr_sim_new(&mem, &sc, &sim, NULL))
		return NULL;
	vr_buf_init(&b, &mem);
	for (uint64_t i = 0; !atomic_load(&d->stop); i++) {
		struct vr_event ev;
		vr_sim_next(sim, &ev);
		if (ev.event_time.ms - wall > vr_clock_mono().ms - mono + 20)
			wait_until(mono + (ev.event_time.ms - wall));
		send_event(d, &ev, &b);
		if (i % 256 == 0)
			vr_producer_poll(d->producer, (struct vr_span){0});
	}
	vr_buf_done(&b);
	vr_sim_free(sim);
	return NULL;
}

static enum vr_err start_generator(struct demo *d, struct vr_diag *why)
{
	struct vr_kafka_config kc = {.brokers = vr_str_c(vr_mock_brokers(d->mock)), .client_id = VR_STR("virald-demo")};
	enum vr_err err = vr_producer_new(&kc, &d->producer, why);
	if (!err)
		d->generating = pthread_create(&d->generator, NULL, generate, d) == 0;
	return err;
}

/* ------------------------------------------------ files -------------------------------- */

static enum vr_err make_files(struct demo *d, struct vr_diag *why)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(d->dir, sizeof(d->dir) - 32, "%s/virald-demo-XXXXXX", tmp && strlen(tmp) < 128 ? tmp : "/tmp");
	if (!mkdtemp(d->dir))
		return vr_diag_set(why, VR_E_CONFIG, d->dir, "cannot make a temporary folder: %s", strerror(errno));
	snprintf(d->socket, sizeof(d->socket), "%.200s/redis.sock", d->dir);
	snprintf(d->http, sizeof(d->http), "127.0.0.1:%d", free_port(HTTP_PORT));
	snprintf(d->rules, sizeof(d->rules), "%.200s/rules.yaml", d->dir);
	FILE *f = fopen(d->rules, "w");
	if (!f || fputs(vr_default_rules, f) < 0 || fclose(f) != 0)
		return vr_diag_set(why, VR_E_CONFIG, d->rules, "cannot write: %s", strerror(errno));
	return VR_OK;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* ------------------------------------------------ the demo ----------------------------- */

static bool each_second(void *ctx, const struct vr_report_sums *sums, const struct vr_slot_facts *facts, size_t n)
{
	struct demo *d = ctx;
	vr_picture_draw(d->picture, sums, facts, n);
	return d->options->seconds > 0 && vr_clock_mono().ms - d->began_ms >= d->options->seconds * 1000;
}

static enum vr_err start(struct demo *d, struct vr_diag *why)
{
	enum vr_err err = make_files(d, why);
	if (!err)
		err = start_redis(d, why);
	if (!err)
		err = vr_mock_new(&d->mock, why);
	if (!err)
		err = vr_mock_topic(d->mock, TOPIC, PARTITIONS, why);
	if (!err)
		err = start_generator(d, why);
	if (err)
		return err;
	struct vr_redis_config rc = redis_config(d);	/* now that there is a socket */
	return vr_picture_new(&rc, d->socket, d->http, vr_mock_brokers(d->mock), &d->picture);
}

static int run(struct demo *d)
{
	char brokers[PATH_LEN + 32], url[PATH_LEN + 32], rules[PATH_LEN + 32], http[64];
	snprintf(brokers, sizeof(brokers), "kafka.brokers=%s", vr_mock_brokers(d->mock));
	snprintf(url, sizeof(url), "redis.url=unix://%s", d->socket);
	snprintf(rules, sizeof(rules), "rules_files=%s", d->rules);
	snprintf(http, sizeof(http), "http.listen=%s", d->http);
	const char *sets[] = {brokers, url, rules, "kafka.topics=" TOPIC, "log.level=warn", http};
	struct vr_run_options o = {.settings = {.sets = sets, .n_sets = sizeof(sets) / sizeof(sets[0])}, .each_second = each_second, .ctx = d};
	d->began_ms = vr_clock_mono().ms;
	return vr_run(&o);
}

static void stop(struct demo *d)
{
	atomic_store(&d->stop, true);
	if (d->generating)
		pthread_join(d->generator, NULL);
	vr_producer_free(d->producer);
	vr_picture_free(d->picture);
	vr_mock_free(d->mock);
	if (d->redis > 0) {
		kill(d->redis, SIGTERM);
		waitpid(d->redis, NULL, 0);
	}
	if (d->dir[0])
		nftw(d->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int vr_demo(const struct vr_demo_options *options)
{
	struct demo d = {.options = options};
	struct vr_diag why = {0};
	int code = EX_UNAVAILABLE;
	enum vr_err err = start(&d, &why);
	if (err)
		fprintf(stderr, "virald: %s: %s\n", why.where, why.text[0] ? why.text : vr_err_text(err));
	else
		code = run(&d);
	if (code == EX_OK)
		vr_picture_summary(d.picture);
	stop(&d);
	return code;
}
