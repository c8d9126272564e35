/* SPDX-License-Identifier: Apache-2.0 */
/* The sources in rising order, and what is wrong in any of them. */
#include <errno.h>
#include <glob.h>
#include "say.h"
#include "setting.h"

#define CHUNK_BYTES    (64U << 10)
#define PATH_MAX_BYTES 200U
#define ENV_PREFIX     "VIRALD_"

/* Keys that people try, and what to write instead. */
static const struct {
	const char *path, *instead;
} hints[] = {
	{"redis.password", "secrets do not belong here: name a file that holds it with redis.password_file"},
	{"redis.password_credential", "a systemd credential named redis-password is found by itself"},
	{"redis.host", "write redis.url: redis://host:port"},
	{"redis.port", "write redis.url: redis://host:port"},
	{"redis.db", "write redis.live_db, redis.spare_db and redis.alerts_db"},
	{"kafka.topic", "write kafka.topics"},
	{"kafka.bootstrap_servers", "write kafka.brokers"},
	{"rules", "rules stand in files of their own: write rules_files"},
};

static void set_origin(struct vr_setter *s, size_t row, const char *what, struct vr_pos pos)
{
	struct vr_origin *o = &s->config->own->origin[row];

	/* A value of a file has a line; any other has a name of where it came from. */
	if (pos.line > 0 || !what)
		(void)snprintf(o->text, sizeof(o->text), "%.*s:%u", (int)pos.file.n, pos.file.p, pos.line);
	else
		(void)snprintf(o->text, sizeof(o->text), "%s", what);
}

/* ---------------------------------------------------------------- files -- */

/* All names that may follow prefix ("" or "kafka."), each once; copied into names. */
static size_t list_names(const char *prefix, char names[][64], const char **list)
{
	size_t n = 0, len = strlen(prefix);

	for (size_t i = 0; i < vr_settings_n; i++) {
		const char *rest = vr_settings[i].path + len;
		if (strncmp(vr_settings[i].path, prefix, len) != 0)
			continue;
		(void)snprintf(names[n], 64, "%.*s", (int)strcspn(rest, "."), rest);
		list[n] = names[n];
		n += n == 0 || strcmp(names[n - 1], names[n]) != 0;
	}
	return n;
}

static void say_unknown(
	struct vr_setter *s, struct vr_pos pos, const char *what, const char *prefix, struct vr_str name)
{
	char names[VR_SETTINGS_MAX + 1][64], path[PATH_MAX_BYTES];
	const char *list[VR_SETTINGS_MAX + 1], *near;
	size_t n = list_names(prefix, names, list);

	(void)snprintf(path, sizeof(path), "%s%.*s", prefix, SHOW(name));
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
		if (strcmp(hints[i].path, path) == 0) {
			vr_config_say(s->errors, pos, "unknown %s `%s`; %s", what, path, hints[i].instead);
			return;
		}
	near = vr_str_nearest(name, list, n);
	if (near)
		vr_config_say(s->errors, pos, "unknown %s `%s`; did you mean `%s%s`?", what, path, prefix, near);
	else
		vr_config_say(s->errors, pos, "unknown %s `%s`; expected one of those in REFERENCE.md", what, path);
}

static bool is_section(const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < vr_settings_n; i++)
		if (strncmp(vr_settings[i].path, path, n) == 0 && vr_settings[i].path[n] == '.')
			return true;
	return false;
}

static void set_one(struct vr_setter *s, int row, const struct vr_yaml *value, const char *origin)
{
	vr_setting_set(s, (size_t)row, value);
	set_origin(s, (size_t)row, origin, origin ? (struct vr_pos){0} : value->pos);
}

static void walk(struct vr_setter *s, const char *prefix, const struct vr_yaml *map)
{
	for (size_t i = 0; i < map->n; i++) {
		const struct vr_yaml *key = &map->key[i], *value = &map->item[i];
		char path[PATH_MAX_BYTES], deeper[PATH_MAX_BYTES + 1];
		int row;
		(void)snprintf(path, sizeof(path), "%s%.*s", prefix, SHOW(key->text));
		(void)snprintf(deeper, sizeof(deeper), "%s.", path);
		row = vr_setting_find(vr_str_c(path));
		if (row >= 0 && !strchr(key->text.p, '.'))
			set_one(s, row, value, NULL);
		else if (row >= 0)
			vr_config_say(s->errors, key->pos, "unknown setting `%s`; write it below its section", path);
		else if (!is_section(path) || strchr(prefix, '.'))
			say_unknown(s, key->pos, "setting", prefix, key->text);
		else if (value->kind == VR_YAML_MAP)
			walk(s, deeper, value);
		else if (!vr_yaml_is_nothing(value))
			vr_config_say(s->errors, value->pos, "%s is a section; expected a map of settings", path);
	}
}

static void load_text(struct vr_setter *s, struct vr_str text, struct vr_str name)
{
	const struct vr_yaml *root = vr_yaml_parse(text, name, &s->config->own->arena, s->errors);

	if (root && root->kind == VR_YAML_MAP)
		walk(s, "", root);
	else if (root && !vr_yaml_is_nothing(root))
		vr_config_say(s->errors, root->pos, "expected a map of settings");
}

static void load_file(struct vr_setter *s, const char *path)
{
	struct vr_str name = vr_text_keep(s->names, vr_str_c(path)), text;

	if (name.p && vr_file_read(name.p, &s->config->own->arena, s->errors, NULL, &text))
		load_text(s, text, name);
}

/* A folder that is not there holds nothing; one that cannot be read may hold anything. */
static int cannot_read(const char *path, int why)
{
	(void)path;
	return why != ENOENT;
}

static void load_files(struct vr_setter *s, const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;
	char pattern[4096];
	glob_t found;
	int rc;

	if (!path)
		return;
	load_file(s, path);
	(void)snprintf(pattern, sizeof(pattern), "%.*sconf.d/*.yaml", slash ? (int)(slash - path) + 1 : 0, path);
	rc = glob(pattern, 0, cannot_read, &found);
	if (rc != 0 && rc != GLOB_NOMATCH)
		vr_config_say(s->errors, (struct vr_pos){.file = vr_str_c(path)}, "conf.d beside it cannot be read");
	for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++)
		load_file(s, found.gl_pathv[i]);
	if (rc == 0)
		globfree(&found);
}

/* -------------------------------------------- environment, command line -- */

static struct vr_yaml text_node(struct vr_setter *s, struct vr_str text, const char *origin)
{
	struct vr_yaml value = {.kind = VR_YAML_TEXT, .style = VR_YAML_QUOTED};

	value.pos.file = vr_text_keep(s->names, vr_str_c(origin));
	value.text = vr_text_keep(&s->config->own->arena, text);
	return value;
}

static void set_entry(struct vr_setter *s, int row, struct vr_str entry, const char *origin)
{
	const char *sign = entry.n > 0 ? memchr(entry.p, '=', entry.n) : NULL;
	size_t n = sign ? (size_t)(sign - entry.p) : entry.n;
	struct vr_yaml key = text_node(s, (struct vr_str){entry.p, n}, origin);
	struct vr_yaml item = text_node(s, (struct vr_str){entry.p + n + 1, sign ? entry.n - n - 1 : 0}, origin);
	struct vr_yaml map = {.kind = VR_YAML_MAP, .pos = key.pos, .key = &key, .item = &item, .n = 1};

	if (sign && n > 0)
		set_one(s, row, &map, origin);
	else
		vr_config_say(
			s->errors, key.pos, "%s: found `%.*s`; expected name=value", vr_settings[row].path, SHOW(entry));
}

/* A text from outside of any file. Maps are name=value, separated by blanks. */
static void set_text(struct vr_setter *s, int row, struct vr_str text, const char *origin)
{
	struct vr_yaml value = text_node(s, text, origin);
	const char *p = value.text.p;

	if (vr_settings[row].type != VR_TYPE_MAP) {
		set_one(s, row, &value, origin);
		return;
	}
	while (p && *(p += strspn(p, " \t\n"))) {
		size_t n = strcspn(p, " \t\n");
		set_entry(s, row, (struct vr_str){p, n}, origin);
		p += n;
	}
}

/* VIRALD_KAFKA__BROKERS is kafka.brokers. */
static void env_path(struct vr_str name, char path[PATH_MAX_BYTES])
{
	size_t n = 0;

	for (size_t i = 0; i < name.n && n + 1 < PATH_MAX_BYTES; i++) {
		bool dot = name.p[i] == '_' && i + 1 < name.n && name.p[i + 1] == '_';
		path[n++] = (char)(dot ? '.' : name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] | 0x20 : name.p[i]);
		i += dot;
	}
	path[n] = '\0';
}

/* Named after its section, so that what is near is looked for there. */
static void say_unknown_path(struct vr_setter *s, struct vr_str origin, struct vr_str path)
{
	char prefix[PATH_MAX_BYTES];
	const char *dot = path.n > 0 ? memchr(path.p, '.', path.n) : NULL;
	size_t n = dot ? (size_t)(dot - path.p) + 1 : 0;

	(void)snprintf(prefix, sizeof(prefix), "%.*s", (int)n, path.p);
	say_unknown(s, (struct vr_pos){.file = origin}, "setting", prefix, (struct vr_str){path.p + n, path.n - n});
}

static void load_env(struct vr_setter *s, const char *const *env)
{
	char path[PATH_MAX_BYTES], origin[PATH_MAX_BYTES + 20];

	for (; env && *env; env++) {
		size_t n = strcspn(*env, "="), skip = strlen(ENV_PREFIX);
		int row;
		if (strncmp(*env, ENV_PREFIX, skip) != 0 || (*env)[n] != '=')
			continue;
		env_path((struct vr_str){*env + skip, n - skip}, path);
		(void)snprintf(
			origin, sizeof(origin), "environment %.*s", (int)(n < PATH_MAX_BYTES ? n : PATH_MAX_BYTES), *env);
		row = vr_setting_find(vr_str_c(path));
		if (row >= 0)
			set_text(s, row, vr_str_c(*env + n + 1), origin);
		else
			say_unknown_path(s, vr_text_keep(s->names, vr_str_c(origin)), vr_str_c(path));
	}
}

/* path=value; kafka.properties.NAME=value for one entry of a map. */
static void load_set(struct vr_setter *s, const char *set)
{
	struct vr_pos pos = {.file = VR_STR("--set")};
	struct vr_str path = {set, strcspn(set, "=")};
	int row = vr_setting_find(path);

	for (size_t i = 0; i < vr_settings_n && row < 0; i++) {
		size_t n = strlen(vr_settings[i].path);
		if (vr_settings[i].type == VR_TYPE_MAP && strncmp(set, vr_settings[i].path, n) == 0 &&
			set[n] == '.') {
			set_entry(s, (int)i, vr_str_c(set + n + 1), "--set");
			return;
		}
	}
	if (set[path.n] != '=')
		vr_config_say(s->errors, pos, "found `%s`; expected path=value", set);
	else if (row < 0)
		say_unknown_path(s, pos.file, path);
	else
		set_text(s, row, vr_str_c(set + path.n + 1), "--set");
}

static void load_defaults(struct vr_setter *s)
{
	for (size_t i = 0; i < vr_settings_n; i++) {
		const struct vr_setting *row = &vr_settings[i];
		if (row->type != VR_TYPE_MAP && row->type != VR_TYPE_SECRET)
			set_text(s, (int)i, vr_str_c(row->fallback), "default");
		else
			set_origin(s, i, "default", (struct vr_pos){0});
	}
}

/* What systemd hands over by name, where no file was set. */
static void load_credentials(struct vr_setter *s)
{
	const char *folder = vr_env_find(s->env, VR_STR("CREDENTIALS_DIRECTORY"));

	for (size_t i = 0; i < vr_settings_n && folder; i++) {
		const struct vr_setting *row = &vr_settings[i];
		char path[4096];
		FILE *f;
		if (row->type != VR_TYPE_SECRET || ((const struct vr_str *)vr_setting_value(s->config, row))->n > 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", folder, row->unit);
		f = fopen(path, "rbe");
		if (!f)
			continue;
		(void)fclose(f);
		set_text(s, (int)i, vr_str_c(path), "credential");
	}
}

static struct vr_config *new_config(void)
{
	struct vr_mem heap = vr_mem_heap();
	struct vr_config *c = vr_mem_get(&heap, sizeof(*c));
	struct vr_config_own *own = vr_mem_get(&heap, sizeof(*own));

	if (!c || !own) {
		vr_mem_put(&heap, c, sizeof(*c));
		vr_mem_put(&heap, own, sizeof(*own));
		return NULL;
	}
	*c = (struct vr_config){.own = own};
	*own = (struct vr_config_own){0};
	vr_noted_mem_init(&own->noted);
	vr_arena_init(&own->arena, &own->noted.mem, CHUNK_BYTES);
	return c;
}

enum vr_err vr_config_load(
	const struct vr_config_source *source, struct vr_config **ret, struct vr_rule_errors *errors)
{
	struct vr_config *c = new_config();
	struct vr_setter s = {.config = c, .errors = errors, .env = source->env, .names = source->names};
	size_t before = errors->n;
	enum vr_err err = VR_OK;

	if (!c)
		return VR_E_NOMEM;
	load_defaults(&s);
	s.expand = true;
	load_files(&s, source->path);
	s.expand = false;
	load_env(&s, source->env);
	for (size_t i = 0; i < source->n_sets; i++)
		load_set(&s, source->sets[i]);
	load_credentials(&s);
	vr_config_properties(&s, source->property_refused);
	vr_config_check(&s);
	if (errors->n > before)
		err = VR_E_CONFIG;
	else if (c->own->noted.failed)
		err = VR_E_NOMEM;
	if (err == VR_OK)
		*ret = c;
	else
		vr_config_free(c);
	return err;
}

void vr_config_free(struct vr_config *config)
{
	struct vr_mem heap;

	if (!config)
		return;
	vr_arena_done(&config->own->arena);
	heap = config->own->noted.heap;
	vr_mem_put(&heap, config->own, sizeof(*config->own));
	vr_mem_put(&heap, config, sizeof(*config));
}

const char *vr_config_origin(const struct vr_config *config, const char *path)
{
	int row = vr_setting_find(vr_str_c(path));

	return row < 0 ? NULL : config->own->origin[row].text;
}
