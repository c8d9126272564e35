/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <yaml.h>
#include "say.h"

#define DEPTH_MAX 24
#define NODES_MAX 100000
#define KEYS_MAX  5000

/* One document on its way from libyaml's nodes to ours. */
struct copy {
	yaml_document_t *doc;
	struct vr_str name;
	struct vr_arena *arena;
	struct vr_rule_errors *errors;
	unsigned nodes;
	bool failed;
};

static bool copy_node(struct copy *c, int index, unsigned depth, struct vr_yaml *to);

static struct vr_pos pos_of(struct vr_str name, yaml_mark_t mark)
{
	return (struct vr_pos){name, (uint32_t)mark.line + 1, (uint32_t)mark.column + 1};
}

struct vr_str vr_text_keep(struct vr_arena *arena, struct vr_str s)
{
	char *p = vr_arena_alloc(arena, s.n + 1);

	if (!p)
		return (struct vr_str){0};
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return (struct vr_str){p, s.n};
}

static bool refuse(struct copy *c, struct vr_pos pos, const char *why)
{
	vr_config_say(c->errors, pos, "%s", why);
	c->failed = true;
	return false;
}

static bool copy_text(struct copy *c, const yaml_node_t *from, struct vr_yaml *to)
{
	yaml_scalar_style_t style = from->data.scalar.style;
	bool quoted = style == YAML_SINGLE_QUOTED_SCALAR_STYLE || style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;

	if (memchr(from->data.scalar.value, '\0', from->data.scalar.length))
		return refuse(c, to->pos, "a text holds a NUL character");
	to->kind = VR_YAML_TEXT;
	to->style = quoted ? VR_YAML_QUOTED : style == YAML_PLAIN_SCALAR_STYLE ? VR_YAML_PLAIN : VR_YAML_BLOCK;
	to->text = vr_text_keep(
		c->arena, (struct vr_str){(const char *)from->data.scalar.value, from->data.scalar.length});
	if (!to->text.p)
		c->failed = true;
	return to->text.p;
}

static bool copy_list(struct copy *c, const yaml_node_t *from, unsigned depth, struct vr_yaml *to)
{
	size_t n = (size_t)(from->data.sequence.items.top - from->data.sequence.items.start);
	struct vr_yaml *items = vr_arena_alloc(c->arena, n * sizeof(*items));

	to->kind = VR_YAML_LIST;
	to->item = items;
	to->n = n;
	for (size_t i = 0; i < n && items; i++)
		if (!copy_node(c, from->data.sequence.items.start[i], depth, &items[i]))
			return false;
	return items;
}

static void check_key(struct copy *c, const struct vr_yaml *keys, size_t i)
{
	if (keys[i].kind != VR_YAML_TEXT) {
		(void)refuse(c, keys[i].pos, "a key is not a text; expected `name: value`");
		return;
	}
	for (size_t j = 0; j < i; j++) {
		if (keys[j].kind != VR_YAML_TEXT || !vr_str_eq(keys[j].text, keys[i].text))
			continue;
		vr_config_say(c->errors, keys[i].pos, "key `%.*s` is there already, in line %u", SHOW(keys[i].text),
			keys[j].pos.line);
		c->failed = true;
		return;
	}
}

static bool copy_map(struct copy *c, const yaml_node_t *from, unsigned depth, struct vr_yaml *to)
{
	size_t n = (size_t)(from->data.mapping.pairs.top - from->data.mapping.pairs.start);
	struct vr_yaml *keys = vr_arena_alloc(c->arena, n * sizeof(*keys));
	struct vr_yaml *items = vr_arena_alloc(c->arena, n * sizeof(*items));

	if (n > KEYS_MAX)
		return refuse(c, to->pos, "too many keys in one map; expected at most 5000");
	to->kind = VR_YAML_MAP;
	to->key = keys;
	to->item = items;
	to->n = n;
	for (size_t i = 0; i < n && keys && items; i++) {
		const yaml_node_pair_t *pair = &from->data.mapping.pairs.start[i];
		if (!copy_node(c, pair->key, depth, &keys[i]) || !copy_node(c, pair->value, depth, &items[i]))
			return false;
		check_key(c, keys, i);
	}
	return keys && items;
}

/* libyaml gives these to whatever has none. */
static bool has_tag(const yaml_node_t *n)
{
	static const char *const plain[] = {YAML_STR_TAG, YAML_SEQ_TAG, YAML_MAP_TAG};

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (n->tag && strcmp((const char *)n->tag, plain[i]) == 0)
			return false;
	return n->tag;
}

static bool copy_node(struct copy *c, int index, unsigned depth, struct vr_yaml *to)
{
	const yaml_node_t *from = yaml_document_get_node(c->doc, index);

	*to = (struct vr_yaml){.pos = pos_of(c->name, from->start_mark)};
	if (depth > DEPTH_MAX)
		return refuse(c, to->pos, "nested too deep; expected at most 24 levels");
	if (++c->nodes > NODES_MAX)
		return refuse(c, to->pos,
			"too much of it; expected at most 100000 values, aliases counted as often as they are used");
	if (has_tag(from))
		return refuse(c, to->pos, "a tag (!...) has no meaning here");
	if (from->type == YAML_SCALAR_NODE)
		return copy_text(c, from, to);
	if (from->type == YAML_SEQUENCE_NODE)
		return copy_list(c, from, depth + 1, to);
	return copy_map(c, from, depth + 1, to);
}

static void say_problem(const yaml_parser_t *parser, struct vr_str name, struct vr_rule_errors *errors)
{
	struct vr_pos pos = pos_of(name, parser->problem_mark);
	const char *what = parser->problem ? parser->problem : "cannot be read";

	if (parser->error == YAML_READER_ERROR)
		vr_config_say(
			errors, (struct vr_pos){.file = name}, "not YAML: %s at byte %zu", what, parser->problem_offset);
	else
		vr_config_say(errors, pos, "not YAML: %s%s%s", what, parser->context ? " " : "",
			parser->context ? parser->context : "");
}

static const struct vr_yaml *copy_document(struct copy *c)
{
	struct vr_yaml *root = vr_arena_alloc(c->arena, sizeof(*root));

	if (!root)
		return NULL;
	*root = (struct vr_yaml){.kind = VR_YAML_MAP, .pos = {c->name, 1, 1}};
	if (!yaml_document_get_root_node(c->doc))
		return root;
	return copy_node(c, 1, 0, root) && !c->failed ? root : NULL;
}

static bool is_only_document(yaml_parser_t *parser, struct copy *c)
{
	yaml_document_t more;
	bool only;

	if (!yaml_parser_load(parser, &more)) {
		say_problem(parser, c->name, c->errors);
		return false;
	}
	only = !yaml_document_get_root_node(&more);
	if (!only)
		(void)refuse(c, pos_of(c->name, more.start_mark), "a second document begins here; expected one");
	yaml_document_delete(&more);
	return only;
}

static const struct vr_yaml *parse(yaml_parser_t *parser, struct copy *c)
{
	yaml_document_t doc;
	const struct vr_yaml *root;

	if (!yaml_parser_load(parser, &doc)) {
		say_problem(parser, c->name, c->errors);
		return NULL;
	}
	c->doc = &doc;
	root = copy_document(c);
	if (root && yaml_document_get_root_node(&doc) && !is_only_document(parser, c))
		root = NULL;
	yaml_document_delete(&doc);
	return root;
}

const struct vr_yaml *vr_yaml_parse(
	struct vr_str text, struct vr_str name, struct vr_arena *arena, struct vr_rule_errors *errors)
{
	struct copy c = {.name = name, .arena = arena, .errors = errors};
	const struct vr_yaml *root;
	yaml_parser_t parser;

	if (text.n > VR_YAML_BYTES_MAX) {
		vr_config_say(errors, (struct vr_pos){.file = name}, "has %zu bytes; expected at most %u", text.n,
			VR_YAML_BYTES_MAX);
		return NULL;
	}
	if (!yaml_parser_initialize(&parser)) {
		vr_config_say(errors, (struct vr_pos){.file = name}, "no memory to read it");
		return NULL;
	}
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)(text.p ? text.p : ""), text.n);
	root = parse(&parser, &c);
	yaml_parser_delete(&parser);
	return root;
}

bool vr_yaml_is_nothing(const struct vr_yaml *y)
{
	if (y->kind == VR_YAML_MAP)
		return y->n == 0;
	return y->kind == VR_YAML_TEXT && y->style == VR_YAML_PLAIN &&
		   (y->text.n == 0 || vr_str_eq(y->text, VR_STR("~")) || vr_str_eq(y->text, VR_STR("null")));
}

const struct vr_yaml *vr_yaml_find(const struct vr_yaml *map, const char *key)
{
	for (size_t i = 0; i < map->n; i++)
		if (vr_str_eq(map->key[i].text, vr_str_c(key)))
			return &map->item[i];
	return NULL;
}

static struct vr_str line_of(struct vr_str source, uint32_t line)
{
	const char *p = source.p, *end = source.p + source.n, *stop;

	while (p && p < end && --line > 0) {
		p = memchr(p, '\n', (size_t)(end - p));
		p = p ? p + 1 : end;
	}
	if (!p || p >= end)
		return (struct vr_str){0};
	stop = memchr(p, '\n', (size_t)(end - p));
	return (struct vr_str){p, (size_t)((stop ? stop : end) - p)};
}

/* The byte of a line at a column counted in characters, from 0. */
static struct vr_str from_column(struct vr_str line, uint32_t column)
{
	while (line.n > 0 && column > 0) {
		line = (struct vr_str){line.p + 1, line.n - 1};
		column -= line.n == 0 || ((unsigned char)line.p[0] & 0xc0) != 0x80;
	}
	return line;
}

static bool begins_with(struct vr_str s, struct vr_str prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

/* A literal block: its lines follow the indicator's, all indented alike. */
static struct vr_pos block_pos(const struct vr_yaml *y, struct vr_str source)
{
	struct vr_pos pos = {y->pos.file, y->pos.line + 1, 0};
	struct vr_str line = line_of(source, pos.line), first = line_of(y->text, 1);
	uint32_t indent = 0;

	while (indent < line.n && line.p[indent] == ' ')
		indent++;
	if (first.n > 0 && vr_str_eq((struct vr_str){line.p + indent, line.n - indent}, first))
		pos.column = indent + 1;
	return pos;
}

struct vr_pos vr_yaml_text_pos(const struct vr_yaml *y, struct vr_str source)
{
	struct vr_pos pos = y->pos;

	if (y->style == VR_YAML_BLOCK)
		return block_pos(y, source);
	pos.column += y->style == VR_YAML_QUOTED;
	if (!begins_with(from_column(line_of(source, pos.line), pos.column - 1), y->text))
		pos.column = 0; /* escapes, or folded from several lines */
	return pos;
}

static bool read_all(FILE *f, struct vr_arena *arena, struct vr_str *ret)
{
	struct stat st;
	size_t cap = VR_YAML_BYTES_MAX + 1, n;
	char *p;

	if (fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode) && (size_t)st.st_size < cap)
		cap = (size_t)st.st_size + 1; /* one more tells whether it grew meanwhile */
	p = vr_arena_alloc(arena, cap + 1);
	if (!p)
		return false;
	n = fread(p, 1, cap, f);
	p[n] = '\0';
	*ret = (struct vr_str){p, n};
	return !ferror(f);
}

bool vr_file_read(const char *path, struct vr_arena *arena, struct vr_rule_errors *errors, bool *ret_missing,
	struct vr_str *ret)
{
	struct vr_pos pos = {.file = vr_str_c(path)};
	FILE *f = fopen(path, "rbe");
	struct vr_str text = {0};
	bool ok;

	if (ret_missing)
		*ret_missing = !f && errno == ENOENT;
	if (!f && ret_missing && *ret_missing)
		return false;
	ok = f && read_all(f, arena, &text);
	if (!ok)
		vr_config_say(errors, pos, "cannot be read: %s", strerror(errno));
	else if (text.n > VR_YAML_BYTES_MAX)
		vr_config_say(errors, pos, "is larger than %u bytes", VR_YAML_BYTES_MAX);
	if (f)
		(void)fclose(f);
	if (ok && text.n <= VR_YAML_BYTES_MAX)
		*ret = text;
	return ok && text.n <= VR_YAML_BYTES_MAX;
}
