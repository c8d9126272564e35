/* SPDX-License-Identifier: Apache-2.0 */
/* ${VAR} in values: the environment's part in a file. */
#include "say.h"
#include "setting.h"
#include "virality/buf.h"

const char *vr_env_find(const char *const *env, struct vr_str name)
{
	for (; env && *env; env++)
		if (strncmp(*env, name.p, name.n) == 0 && (*env)[name.n] == '=')
			return *env + name.n + 1;
	return NULL;
}

static size_t find(struct vr_str s, size_t from, const char *what)
{
	size_t n = strlen(what);

	for (size_t i = from; i + n <= s.n; i++)
		if (memcmp(s.p + i, what, n) == 0)
			return i;
	return s.n;
}

/* What stands between the braces. */
static bool add_variable(
	struct vr_setter *s, const struct vr_yaml *value, struct vr_str inside, struct vr_buf *b)
{
	size_t colon = find(inside, 0, ":-");
	struct vr_str name = {inside.p, colon};
	const char *found = name.n > 0 ? vr_env_find(s->env, name) : NULL;

	if (found && (found[0] || colon == inside.n))
		vr_buf_c(b, found);
	else if (colon < inside.n)
		vr_buf_add(b, inside.p + colon + 2, inside.n - colon - 2);
	else
		vr_config_say(s->errors, value->pos,
			"environment variable `%.*s` is not set; expected it, or ${%.*s:-default}", SHOW(name),
			SHOW(name));
	return found || colon < inside.n;
}

static bool add_expanded(struct vr_setter *s, const struct vr_yaml *value, struct vr_buf *b)
{
	struct vr_str t = value->text;
	size_t i = 0;

	while (i < t.n) {
		size_t open = find(t, i, "${"), close;
		bool escaped = open < t.n && open > i && t.p[open - 1] == '$';
		vr_buf_add(b, t.p + i, open - i - escaped);
		if (open == t.n)
			return true;
		close = find(t, open, "}");
		if (escaped) {
			vr_buf_c(b, "${");
			close = open + 1;
		} else if (close == t.n) {
			vr_config_say(
				s->errors, value->pos, "`%.*s` has ${ without }; write $${ for a plain ${", SHOW(t));
			return false;
		} else if (!add_variable(s, value, (struct vr_str){t.p + open + 2, close - open - 2}, b)) {
			return false;
		}
		i = close + 1;
	}
	return true;
}

struct vr_str vr_text_expand(struct vr_setter *s, const struct vr_yaml *value)
{
	struct vr_arena *arena = &s->config->own->arena;
	struct vr_str ret = {0};
	struct vr_buf b;

	if (vr_yaml_is_nothing(value))
		return vr_text_keep(arena, (struct vr_str){0});
	if (!s->expand || find(value->text, 0, "${") == value->text.n)
		return vr_text_keep(arena, value->text);
	vr_buf_init(&b, &s->config->own->noted.mem);
	if (add_expanded(s, value, &b) && !b.failed)
		ret = vr_text_keep(arena, vr_buf_str(&b));
	vr_buf_done(&b);
	return ret;
}
