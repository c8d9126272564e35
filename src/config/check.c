/* SPDX-License-Identifier: Apache-2.0 */
/* What a row of the table cannot say: texts with a form of their own, and values that depend on each other.
 */
#include "say.h"
#include "setting.h"
#include "units.h"
#include "virality/rfc3339.h"

#define HOUR_MS    3600000
#define REDIS_PORT 6379
#define PORT_MAX   65535

static struct vr_pos pos_of(const struct vr_setter *s, const char *path)
{
	return s->config->own->pos[vr_setting_find(vr_str_c(path))];
}

#define SAY(s, path, ...) vr_config_say((s)->errors, pos_of(s, path), path ": " __VA_ARGS__)

static void check_windows(struct vr_setter *s)
{
	struct vr_config *c = s->config;
	struct vr_diag d = {0};
	int64_t longest;

	if (vr_windows_parse(c->windows_text, &c->windows, &d) != VR_OK) {
		SAY(s, "windows", "%s", d.text);
		return;
	}
	longest = c->windows.width_ms[c->windows.n - 1] * VR_BUCKETS;
	if (c->retention.ms % HOUR_MS != 0)
		SAY(s, "retention", "is not in whole hours; expected for example 48h or 30d");
	if (c->retention.ms < longest)
		SAY(s, "retention", "is shorter than the longest window (%s)", c->windows.name[c->windows.n - 1]);
}

static void check_start(struct vr_setter *s)
{
	struct vr_config *c = s->config;

	if (vr_str_eq(c->kafka_start, VR_STR("beginning")))
		c->start = VR_START_BEGINNING;
	else if (vr_str_eq(c->kafka_start, VR_STR("end")))
		c->start = VR_START_END;
	else if (vr_rfc3339_parse(c->kafka_start, &c->start_time) == VR_OK)
		c->start = VR_START_TIME;
	else
		SAY(s, "kafka.start", "found `%.*s`; expected beginning, end or a time such as 2026-01-31T09:30:00Z",
			SHOW(c->kafka_start));
}

static bool is_topic(struct vr_str t)
{
	for (size_t i = 0; i < t.n; i++) {
		char c = t.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
				c == '_' || c == '-'))
			return false;
	}
	return t.n > 0 && t.n <= 249 && !vr_str_eq(t, VR_STR(".")) && !vr_str_eq(t, VR_STR(".."));
}

static void check_topics(struct vr_setter *s)
{
	const struct vr_str_list *l = &s->config->kafka_topics;

	for (size_t i = 0; i < l->n; i++) {
		if (!is_topic(l->at[i]))
			SAY(s, "kafka.topics",
				"`%.*s` is not a topic's name; expected letters, digits, `.`, `_` and `-`, at most 249",
				SHOW(l->at[i]));
		for (size_t j = 0; j < i; j++)
			if (vr_str_eq(l->at[i], l->at[j]))
				SAY(s, "kafka.topics", "`%.*s` is there twice", SHOW(l->at[i]));
	}
}

static void check_dlq(struct vr_setter *s)
{
	static const char mark[] = "<topic>";
	struct vr_str t = s->config->kafka_dlq_topic;
	const char *at = t.n > 0 ? strstr(t.p, mark) : NULL;
	char name[256];

	if (t.n == 0)
		return;
	/* Any topic stands for the mark when the rest is looked at. */
	if (at)
		(void)snprintf(name, sizeof(name), "%.*sx%s", (int)(at - t.p), t.p, at + strlen(mark));
	else
		(void)snprintf(name, sizeof(name), "%s", t.p);
	if (!is_topic(vr_str_c(name)))
		SAY(s, "kafka.dlq_topic", "`%.*s` is not a topic's name; expected for example <topic>.dlq", SHOW(t));
	for (size_t i = 0; i < s->config->kafka_topics.n; i++)
		if (vr_str_eq(t, s->config->kafka_topics.at[i]) || vr_str_eq(t, VR_STR("<topic>")))
			SAY(s, "kafka.dlq_topic", "is a topic that is consumed: dead letters would come back for ever");
}

/* host:port, [v6]:port; host and port are cut off *text. */
static bool split_host(
	struct vr_setter *s, struct vr_str text, int default_port, struct vr_str *host, int *port)
{
	bool v6 = text.n > 0 && text.p[0] == '[';
	const char *end = v6 ? memchr(text.p, ']', text.n) : text.n ? memchr(text.p, ':', text.n) : NULL;
	size_t n = end ? (size_t)(end - text.p) : text.n;
	struct vr_str rest = {text.p + n + (v6 && end), text.n - n - (v6 && end)};
	int64_t p = default_port;

	if ((v6 && !end) || n == (size_t)v6)
		return false;
	if (rest.n > 0 && (rest.p[0] != ':' || !vr_int_parse((struct vr_str){rest.p + 1, rest.n - 1}, &p)))
		return false;
	if (p < 1 || p > PORT_MAX)
		return false;
	*host = vr_text_keep(&s->config->own->arena, (struct vr_str){text.p + v6, n - v6});
	*port = (int)p;
	return true;
}

static bool cut_prefix(struct vr_str *s, const char *prefix)
{
	size_t n = strlen(prefix);

	if (s->n < n || memcmp(s->p, prefix, n) != 0)
		return false;
	*s = (struct vr_str){s->p + n, s->n - n};
	return true;
}

/* user@ or user:password@ before the host. */
static void cut_user(struct vr_setter *s, struct vr_str *url)
{
	struct vr_config *c = s->config;
	const char *at = url->n > 0 ? memchr(url->p, '@', url->n) : NULL;
	struct vr_str user = {url->p, at ? (size_t)(at - url->p) : 0};
	const char *colon = user.n > 0 ? memchr(user.p, ':', user.n) : NULL;

	if (!at)
		return;
	*url = (struct vr_str){at + 1, url->n - user.n - 1};
	if (colon) {
		SAY(s, "redis.url",
			"holds a password; secrets do not belong here: name a file that holds it with "
			"redis.password_file");
		user.n = (size_t)(colon - user.p);
	}
	if (c->redis_user.n == 0)
		c->redis_user = vr_text_keep(&c->own->arena, user);
}

static void check_redis_url(struct vr_setter *s)
{
	struct vr_config *c = s->config;
	struct vr_str url = c->redis_url;
	size_t n;

	if (cut_prefix(&url, "unix://") && url.n > 0 && url.p[0] == '/') {
		c->redis_socket = url;
		return;
	}
	c->redis_tls = cut_prefix(&url, "rediss://");
	if (!c->redis_tls && !cut_prefix(&url, "redis://")) {
		SAY(s, "redis.url", "expected redis://host:port, rediss://host:port or unix:///path");
		return;
	}
	cut_user(s, &url);
	n = url.n > 0 ? strcspn(url.p, "/") : 0;
	if (n + 1 < url.n)
		SAY(s, "redis.url",
			"names a database; expected redis.live_db, redis.spare_db and redis.alerts_db instead");
	if (!split_host(s, (struct vr_str){url.p, n}, REDIS_PORT, &c->redis_host, &c->redis_port))
		SAY(s, "redis.url",
			"expected a host and perhaps a port from 1 to 65535, such as redis://127.0.0.1:6379");
}

static void check_redis(struct vr_setter *s)
{
	const struct vr_config *c = s->config;

	check_redis_url(s);
	if (c->redis_user.n > 0 && c->redis_password.n == 0)
		SAY(s, "redis.user",
			"has no password; expected redis.password_file or the credential redis-password");
	for (size_t i = 0; i < c->redis_prefix.n; i++)
		if (strchr("{}*?[]\\ ", c->redis_prefix.p[i])) {
			SAY(s, "redis.prefix", "found `%.*s`; expected no braces, brackets, blanks, * or ?",
				SHOW(c->redis_prefix));
			return;
		}
}

static void check_listen(struct vr_setter *s, const char *path, struct vr_str listen, struct vr_str *host, int *port)
{
	if (listen.n > 0 && !split_host(s, listen, 0, host, port))
		vr_config_say(s->errors, pos_of(s, path), "%s: found `%.*s`; expected address:port, such as 127.0.0.1:9477 or [::1]:9477",
			path, SHOW(listen));
}

static void check_http(struct vr_setter *s)
{
	struct vr_config *c = s->config;

	check_listen(s, "http.listen", c->http_listen, &c->http_host, &c->http_port);
	check_listen(s, "replay.listen", c->replay_listen, &c->replay_host, &c->replay_port);
}

void vr_config_check(struct vr_setter *s)
{
	const struct vr_config *c = s->config;

	check_windows(s);
	check_start(s);
	check_topics(s);
	check_dlq(s);
	check_redis(s);
	check_http(s);
	if (c->cut_contents > c->cut_contents_catching_up)
		SAY(s, "cut.contents", "is more than cut.contents_catching_up; expected at most that");
}
