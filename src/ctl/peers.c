/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>
#include "peers.h"

#define CONFIG_FILE "/etc/virald/virald.yaml"
#define AT(field) offsetof(struct vr_ctl_peers, field)

enum { ERRORS_MAX = 32, SETS_EXTRA = 3, SET_BYTES = 4200 };

const struct vr_ctl_option vr_ctl_config_options[3] = {
	{"config", 'c', VR_CTL_TEXT, AT(file), "FILE",
		"virald's configuration (" CONFIG_FILE " when it is there)", 0, 0, 0},
	{"set", 0, VR_CTL_WORDS, AT(sets), "PATH=VALUE", "a setting of its own, like redis.alerts_db=5", 0, 0, 0},
	{"redis", 'r', VR_CTL_TEXT, AT(redis), "URL",
		"redis://HOST:PORT or unix:///PATH, instead of the configured one", 0, 0, 0},
};
const struct vr_ctl_option vr_ctl_kafka_options[2] = {
	{"brokers", 'b', VR_CTL_TEXT, AT(brokers), "HOST:PORT,...", "brokers, instead of the configured ones", 0,
		0, 0},
	{"property", 'X', VR_CTL_WORDS, AT(properties), "NAME=VALUE", "a property of librdkafka", 0, 0, 0},
};
const struct vr_ctl_option vr_ctl_topic_options[1] = {
	{"topic", 't', VR_CTL_TEXT, AT(topic), "NAME", "the topic, instead of the first configured one", 0, 0, 0},
};

/* ------------------------------------------------------------------- configuration -- */

/* "path=value" of an option that stands for a setting. */
static const char *as_set(struct vr_ctl_peers *p, const char *path, const char *value)
{
	struct vr_buf b;
	struct vr_str s = {0};

	vr_buf_init(&b, &p->mem);
	vr_buf_c(&b, path);
	vr_buf_byte(&b, '=');
	vr_buf_c(&b, value);
	vr_buf_byte(&b, '\0');
	if (b.failed || vr_arena_dup(&p->kept, vr_buf_str(&b), &s))
		s.p = NULL;
	vr_buf_done(&b);
	return s.p;
}

static enum vr_ctl_exit load_config(struct vr_ctl_peers *p)
{
	const struct { const char *path, *value; } ours[] = {
		{"kafka.brokers", p->brokers}, {"redis.url", p->redis}, {"kafka.topics", p->topic}};
	const char *sets[VR_CTL_WORDS_MAX + SETS_EXTRA];
	struct vr_rule_error storage[ERRORS_MAX];
	struct vr_rule_errors errors = {.at = storage, .cap = ERRORS_MAX};
	struct vr_config_source source = {.path = p->file, .sets = sets, .env = (const char *const *)environ,
		.property_refused = vr_kafka_property_refused, .names = &p->kept};
	enum vr_err err;

	if (!p->file && access(CONFIG_FILE, R_OK) == 0)
		source.path = CONFIG_FILE;
	for (size_t i = 0; i < p->sets.n; i++)
		sets[source.n_sets++] = p->sets.at[i];
	for (size_t i = 0; i < SETS_EXTRA; i++)
		if (ours[i].value && (sets[source.n_sets] = as_set(p, ours[i].path, ours[i].value)))
			source.n_sets++;
	err = vr_config_load(&source, &p->config, &errors);
	if (!err)
		return VR_CTL_OK;
	if (errors.n == 0)
		return vr_ctl_fail(err, NULL);
	vr_config_print_errors(&errors, stderr);
	return VR_CTL_CONFIG;
}

/* The configuration's properties, then those of the command line. */
static enum vr_ctl_exit list_properties(struct vr_ctl_peers *p)
{
	const struct vr_pair_list *base = &p->config->librdkafka;

	p->list = vr_arena_alloc(&p->kept, (base->n + p->properties.n + 1) * sizeof(*p->list));
	if (!p->list)
		return vr_ctl_fail(VR_E_NOMEM, NULL);
	for (size_t i = 0; i < base->n; i++)
		p->list[p->n_list++] = (struct vr_property){base->at[i].name, base->at[i].value};
	for (size_t i = 0; i < p->properties.n; i++) {
		const char *word = p->properties.at[i], *equals = strchr(word, '=');
		struct vr_str name = {word, equals ? (size_t)(equals - word) : 0};
		const char *why = vr_kafka_property_refused(name);

		if (!equals || equals == word)
			return vr_ctl_misuse(NULL, "-X %s: expected NAME=VALUE", word);
		if (why)
			return vr_ctl_misuse(NULL, "-X %.*s may not be set: %s", (int)name.n, name.p, why);
		p->list[p->n_list++] = (struct vr_property){name, vr_str_c(equals + 1)};
	}
	return VR_CTL_OK;
}

enum vr_ctl_exit vr_ctl_peers_load(struct vr_ctl_peers *p)
{
	const struct vr_config *c;
	enum vr_ctl_exit code;

	p->mem = vr_mem_heap();
	vr_arena_init(&p->arena, &p->mem, 0);
	vr_arena_init(&p->kept, &p->mem, 4096);
	vr_cmds_init(&p->cmds, &p->mem);
	code = load_config(p);
	if (code)
		return code;
	c = p->config;
	p->topic_name = c->kafka_topics.at[0];
	code = list_properties(p);
	if (code)
		return code;
	if (vr_keys_init(
			&p->keys, c->redis_prefix, (struct vr_str){0}, 0, (int)c->redis_live_db, (int)c->redis_alerts_db))
		return vr_ctl_fail(VR_E_CONFIG, NULL);
	return VR_CTL_OK;
}

void vr_ctl_peers_done(struct vr_ctl_peers *p)
{
	if (!p->mem.resize)
		return;
	for (size_t i = 0; i < 2; i++)
		vr_redis_free(p->redis_at[i]);
	vr_config_free(p->config);
	vr_arena_done(&p->arena);
	vr_arena_done(&p->kept);
	vr_cmds_done(&p->cmds);
}

/* Errors only: what merely may go wrong is not worth a line to whoever waits for a result. */
static void say(void *ctx, int level, const char *fac, const char *text)
{
	(void)ctx;
	if (level <= 3)
		vr_ctl_note("kafka: %s: %s", fac, text);
}

struct vr_kafka_config vr_ctl_peers_kafka(const struct vr_ctl_peers *p)
{
	return (struct vr_kafka_config){
		.brokers = p->config->kafka_brokers,
		.group_id = p->config->kafka_group_id,
		.client_id = VR_STR("viralctl"),
		.topics = &p->topic_name,
		.n_topics = 1,
		.properties = p->list,
		.n_properties = p->n_list,
		.log = {say, NULL},
	};
}

static void nothing(void *ctx, enum vr_err err, bool fatal, const char *text)
{
	(void)ctx, (void)err, (void)fatal, (void)text;
}

static void no_parts(void *ctx, const struct vr_topic_part *parts, size_t n)
{
	(void)ctx, (void)parts, (void)n;
}

static void no_lost_parts(void *ctx, const struct vr_topic_part *parts, size_t n, bool lost)
{
	(void)ctx, (void)parts, (void)n, (void)lost;
}

enum vr_err vr_ctl_peers_look(const struct vr_ctl_peers *p, struct vr_group **ret, struct vr_diag *d)
{
	static const struct vr_group_ops ops = {.assigned = no_parts, .revoked = no_lost_parts, .error = nothing};
	struct vr_kafka_config config = vr_ctl_peers_kafka(p);

	config.log = (struct vr_kafka_log){0};
	return vr_group_new(&config, &ops, ret, d);
}

/* --------------------------------------------------------------------------- Redis -- */

struct vr_redis_config vr_ctl_peers_redis(const struct vr_ctl_peers *p, enum vr_ctl_db db)
{
	const struct vr_config *c = p->config;

	return (struct vr_redis_config){
		.host = c->redis_host,
		.unix_path = c->redis_socket,
		.port = c->redis_port,
		.user = c->redis_user,
		.password = c->redis_password,
		.tls = c->redis_tls,
		.tls_ca_file = c->redis_tls_ca_file,
		.connect_timeout = c->redis_connect_timeout,
		.timeout = c->redis_timeout,
		.db = (int)(db == VR_CTL_LIVE ? c->redis_live_db : c->redis_alerts_db),
	};
}

enum vr_err vr_ctl_peers_ask(struct vr_ctl_peers *p, enum vr_ctl_db db, struct vr_replies *ret, struct vr_diag *d)
{
	struct vr_redis_config config = vr_ctl_peers_redis(p, db);
	enum vr_err err = p->cmds.buf.failed ? VR_E_NOMEM : VR_OK;

	if (!err && !p->redis_at[db])
		err = vr_redis_new(&config, &p->redis_at[db]);
	if (!err) {
		struct vr_link link = vr_redis_link(p->redis_at[db]);
		err = link.exchange(link.ctx, &p->cmds, &p->arena, ret, d);
	}
	vr_cmds_clear(&p->cmds);
	return err ? err : vr_replies_check(ret, d);
}
