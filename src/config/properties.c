/* SPDX-License-Identifier: Apache-2.0 */
/* librdkafka's properties from three places: a file, the map, the secret password. */
#include "say.h"
#include "setting.h"

#define PROPERTIES_MAX 400U
#define PASSWORD       "sasl.password"

struct merge {
	struct vr_setter *s;
	const char *(*refused)(struct vr_str name);
	struct vr_pair *at;
	size_t n;
};

static void put(struct merge *m, struct vr_pos pos, struct vr_str name, struct vr_str value)
{
	const char *why = m->refused ? m->refused(name) : NULL;
	size_t i = 0;

	if (why)
		vr_config_say(m->s->errors, pos, "kafka.properties: `%.*s` cannot be set: %s", SHOW(name), why);
	while (i < m->n && !vr_str_eq(m->at[i].name, name))
		i++;
	if (i == PROPERTIES_MAX)
		return;
	m->at[i] = (struct vr_pair){name, value};
	m->n += i == m->n;
}

static struct vr_str trim(struct vr_str s)
{
	while (s.n > 0 && strchr(" \t\r", s.p[0]))
		s = (struct vr_str){s.p + 1, s.n - 1};
	while (s.n > 0 && strchr(" \t\r", s.p[s.n - 1]))
		s.n--;
	return s;
}

static void put_line(struct merge *m, struct vr_pos pos, struct vr_str line)
{
	const char *sign = line.n > 0 ? memchr(line.p, '=', line.n) : NULL;
	struct vr_arena *arena = &m->s->config->own->arena;
	size_t n = sign ? (size_t)(sign - line.p) : 0;
	struct vr_str name = trim((struct vr_str){line.p, n});

	if (line.n == 0 || line.p[0] == '#')
		return;
	/* What stands here may be secret: it is not shown. */
	if (name.n == 0)
		vr_config_say(m->s->errors, pos, "expected name=value");
	else
		put(m, pos, vr_text_keep(arena, name),
			vr_text_keep(arena, trim((struct vr_str){sign + 1, line.n - n - 1})));
}

static void put_file(struct merge *m)
{
	struct vr_str path = m->s->config->kafka_properties_file, text;
	struct vr_pos pos = {.file = vr_text_keep(m->s->names, path), .line = 0};

	if (path.n == 0 || !pos.file.p ||
		!vr_file_read(pos.file.p, &m->s->config->own->arena, m->s->errors, NULL, &text))
		return;
	for (size_t i = 0; i < text.n;) {
		const char *end = memchr(text.p + i, '\n', text.n - i);
		size_t n = end ? (size_t)(end - text.p) - i : text.n - i;
		pos.line++;
		put_line(m, pos, trim((struct vr_str){text.p + i, n}));
		i += n + 1;
	}
}

void vr_config_properties(struct vr_setter *s, const char *(*property_refused)(struct vr_str name))
{
	struct vr_config *c = s->config;
	struct merge m = {.s = s, .refused = property_refused};
	struct vr_pos pos = c->own->pos[vr_setting_find(VR_STR("kafka.properties"))];

	m.at = vr_arena_alloc(&c->own->arena, PROPERTIES_MAX * sizeof(*m.at));
	if (!m.at)
		return;
	put_file(&m);
	for (size_t i = 0; i < c->kafka_properties.n; i++)
		put(&m, pos, c->kafka_properties.at[i].name, c->kafka_properties.at[i].value);
	if (c->kafka_sasl_password.n > 0)
		put(&m, pos, VR_STR(PASSWORD), c->kafka_sasl_password);
	c->librdkafka = (struct vr_pair_list){m.at, m.n};
}
