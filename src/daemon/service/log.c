/* SPDX-License-Identifier: Apache-2.0 */
#include "virality/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "log_line.h"

enum { TEXT_MAX = 2000, WINDOW_MS = 10000, JOURNAL_WAIT_MS = 250 };

/* How often an event was said in the current ten seconds. */
struct rate { int64_t since_ms; int said; uint64_t suppressed; };

struct vr_logger {
	struct vr_logger_config config;
	_Atomic int level;
	int journal;			/* socket, or -1 */
	struct sockaddr_un to;
	struct vr_mem mem;
	pthread_mutex_t lock;		/* of all below */
	struct rate rate[_VR_EV_MAX];
	uint64_t suppressed;
	struct vr_buf text, out;
};

/* ------------------------------------------------ life -------------------------------- */

static int64_t clock_ms(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct vr_wall system_wall(void *ctx) { (void)ctx; return (struct vr_wall){clock_ms(CLOCK_REALTIME)}; }
static struct vr_mono system_mono(void *ctx)
{
	(void)ctx;
	return (struct vr_mono){clock_ms(CLOCK_MONOTONIC)};
}

/* $JOURNAL_STREAM is inherited also where standard error is not: device and inode tell. */
static bool is_journal_stream(int fd)
{
	const char *named = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;
	return named && sscanf(named, "%llu:%llu", &device, &inode) == 2 && fstat(fd, &st) == 0 &&
		   st.st_dev == device && st.st_ino == inode;
}

static void open_journal(struct vr_logger *l)
{
	const char *path = l->config.journal ? l->config.journal : "/run/systemd/journal/socket";
	const struct timeval wait = {.tv_usec = JOURNAL_WAIT_MS * 1000};
	if (strlen(path) >= sizeof(l->to.sun_path))
		return;
	l->to.sun_family = AF_UNIX;
	memcpy(l->to.sun_path, path, strlen(path) + 1);
	l->journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (l->journal >= 0)
		setsockopt(l->journal, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
}

enum vr_err vr_logger_new(const struct vr_logger_config *config, struct vr_logger **ret)
{
	struct vr_logger *l = calloc(1, sizeof(*l));
	if (!l)
		return VR_E_NOMEM;
	l->config = *config;
	if (!l->config.wall)
		l->config.wall = system_wall;
	if (!l->config.mono)
		l->config.mono = system_mono;
	if (l->config.format == VR_FORMAT_AUTO)
		l->config.format = is_journal_stream(l->config.fd) ? VR_FORMAT_JOURNAL : VR_FORMAT_LOGFMT;
	atomic_init(&l->level, (int)config->level);
	l->journal = -1;
	if (l->config.format == VR_FORMAT_JOURNAL)
		open_journal(l);
	l->mem = vr_mem_heap();
	pthread_mutex_init(&l->lock, NULL);
	vr_buf_init(&l->text, &l->mem);
	vr_buf_init(&l->out, &l->mem);
	*ret = l;
	return VR_OK;
}

void vr_logger_free(struct vr_logger *l)
{
	if (!l)
		return;
	if (l->journal >= 0)
		close(l->journal);
	vr_buf_done(&l->text);
	vr_buf_done(&l->out);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

void vr_logger_level(struct vr_logger *l, enum vr_level level) { atomic_store(&l->level, (int)level); }
bool vr_logger_says(const struct vr_logger *l, enum vr_level level)
{
	return (int)level >= atomic_load(&l->level);
}

/* ------------------------------------------------ one line ---------------------------- */

static bool send_journal(struct vr_logger *l, const struct line *line)
{
	vr_buf_clear(&l->out);
	add_journal(&l->out, line);
	return l->journal >= 0 && !l->out.failed &&
		   sendto(l->journal, l->out.p, l->out.n, MSG_NOSIGNAL, (const struct sockaddr *)&l->to,
			   sizeof(l->to)) == (ssize_t)l->out.n;
}

/* In one write, so that lines of several programs on one terminal do not mix. */
static void write_line(struct vr_logger *l, const struct line *line)
{
	if (l->config.format == VR_FORMAT_JOURNAL && send_journal(l, line))
		return;
	vr_buf_clear(&l->out);
	(l->config.format == VR_FORMAT_JSON ? add_json : add_logfmt)(&l->out, line);
	if (!l->out.failed)
		(void)!write(l->config.fd, l->out.p, l->out.n);
}

/* May this line be written now? *ret_suppressed: lines before it that were not. */
static bool admit(struct vr_logger *l, enum vr_event_id event, uint64_t *ret_suppressed)
{
	struct rate *r = &l->rate[event];
	int64_t now = l->config.mono(l->config.ctx).ms;
	if (r->said == 0 || now - r->since_ms >= WINDOW_MS) {
		r->since_ms = now;
		r->said = 0;
	}
	if (r->said == events[event].per_10s) {
		r->suppressed++;
		l->suppressed++;
		return false;
	}
	r->said++;
	*ret_suppressed = r->suppressed;
	r->suppressed = 0;
	return true;
}

static void say(struct vr_logger *l, enum vr_level level, enum vr_event_id event,
	const struct vr_log_about *about, struct vr_str text)
{
	struct line line = {.name = l->config.name, .level = level, .event = event, .about = about};
	pthread_mutex_lock(&l->lock);
	if (admit(l, event, &line.suppressed)) {
		vr_buf_clear(&l->text);
		add_clean(&l->text, text);
		line.text = vr_buf_str(&l->text);
		line.time = l->config.wall(l->config.ctx);
		write_line(l, &line);
	}
	pthread_mutex_unlock(&l->lock);
}

void vr_vlog(struct vr_logger *l, enum vr_level level, enum vr_event_id event,
	const struct vr_log_about *about, const char *fmt, va_list ap)
{
	char text[TEXT_MAX];
	if (!vr_logger_says(l, level))
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	say(l, level, event, about, vr_str_c(text));
}

void vr_log_at(struct vr_logger *l, enum vr_level level, enum vr_event_id event,
	const struct vr_log_about *about, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vr_vlog(l, level, event, about, fmt, ap);
	va_end(ap);
}

void vr_log(
	struct vr_logger *l, enum vr_event_id event, const struct vr_log_about *about, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vr_vlog(l, events[event].level, event, about, fmt, ap);
	va_end(ap);
}

/* ------------------------------------------------ what was left out ------------------- */

static bool is_owed(struct vr_logger *l, enum vr_event_id event)
{
	pthread_mutex_lock(&l->lock);
	const struct rate *r = &l->rate[event];
	bool owed = r->suppressed > 0 && l->config.mono(l->config.ctx).ms - r->since_ms >= WINDOW_MS;
	pthread_mutex_unlock(&l->lock);
	return owed;
}

void vr_log_tick(struct vr_logger *l)
{
	for (int i = 0; i < _VR_EV_MAX; i++)
		if (is_owed(l, (enum vr_event_id)i))
			say(l, events[i].level, (enum vr_event_id)i, NULL, VR_STR("more of these were left out"));
}

uint64_t vr_log_suppressed(struct vr_logger *l)
{
	pthread_mutex_lock(&l->lock);
	uint64_t n = l->suppressed;
	pthread_mutex_unlock(&l->lock);
	return n;
}
