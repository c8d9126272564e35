/* SPDX-License-Identifier: Apache-2.0 */
#include "virality/rulefile.h"
#include <glob.h>
#include "noted.h"
#include "rulefile_json.h"
#include "rulefile_rules.h"
#include "say.h"
#include "tree.h"
#include "virality/hash.h"

#define CHUNK_BYTES (64U << 10)

struct vr_rulefile {
	struct vr_noted_mem noted;
	struct vr_arena arena;
	struct vr_specs specs;
	struct vr_buf json;
	char hash[17];
};

/* ------------------------------------------------------------ whole sets -- */

static struct vr_rulefile *new_file(void)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_rulefile *f = vr_mem_get(&mem, sizeof(*f));

	if (!f)
		return NULL;
	*f = (struct vr_rulefile){0};
	vr_noted_mem_init(&f->noted);
	vr_arena_init(&f->arena, &f->noted.mem, CHUNK_BYTES);
	vr_buf_init(&f->json, &f->noted.mem);
	f->specs.at = vr_arena_alloc(&f->arena, VR_SPECS_MAX * sizeof(*f->specs.at));
	if (f->specs.at)
		return f;
	vr_rulefile_free(f);
	return NULL;
}

static void add_text(
	struct vr_rulefile *f, struct vr_str text, struct vr_str name, struct vr_rule_errors *errors)
{
	const struct vr_yaml *root = vr_yaml_parse(text, name, &f->arena, errors);

	if (root)
		vr_rulefile_rules(root, text, &f->arena, &f->specs, errors);
}

/* Whoever reads `vir:rules` must be able to: files that are small enough alone may be too large together. */
static void write_json(struct vr_rulefile *f, struct vr_rule_errors *errors)
{
	struct vr_rule_errors unseen = {0};

	vr_rulefile_json_add(f->specs.at, f->specs.n, &f->json);
	if (!f->json.failed && !vr_yaml_parse(vr_buf_str(&f->json), VR_STR("canonical"), &f->arena, &unseen))
		vr_config_say(errors, (struct vr_pos){0}, "the rules are too large together; expected at most 1 MiB");
}

static enum vr_err finish(struct vr_rulefile *f, size_t before, struct vr_rule_errors *errors)
{
	if (errors->n == before)
		write_json(f, errors);
	if (errors->n > before)
		return VR_E_CONFIG;
	(void)snprintf(f->hash, sizeof(f->hash), "%016llx", (unsigned long long)vr_hash64(vr_buf_str(&f->json)));
	return f->noted.failed ? VR_E_NOMEM : VR_OK;
}

/* Given when there are no mistakes. */
static enum vr_err give(struct vr_rulefile *f, enum vr_err err, struct vr_rulefile **ret)
{
	if (err == VR_OK)
		*ret = f;
	else
		vr_rulefile_free(f);
	return err;
}

/* Rules that have a name and an expression, whatever else is wrong with them. */
static void keep_named(struct vr_rulefile *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->specs.n; i++)
		if (f->specs.at[i].alert.n > 0 && f->specs.at[i].expr.n > 0)
			f->specs.at[n++] = f->specs.at[i];
	f->specs.n = n;
}

enum vr_err vr_rulefile_parse(
	struct vr_str text, struct vr_str name, struct vr_rulefile **ret, struct vr_rule_errors *errors)
{
	struct vr_rulefile *f = new_file();
	size_t before = errors->n;
	struct vr_str kept;

	if (!f)
		return VR_E_NOMEM;
	kept = vr_text_keep(&f->arena, text);
	if (kept.p)
		add_text(f, kept, name, errors);
	return give(f, finish(f, before, errors), ret);
}

static void add_pattern(
	struct vr_rulefile *f, struct vr_str pattern, struct vr_arena *names, struct vr_rule_errors *errors)
{
	bool plain = !memchr(pattern.p, '*', pattern.n) && !memchr(pattern.p, '?', pattern.n) &&
				 !memchr(pattern.p, '[', pattern.n);
	struct vr_str name = vr_text_keep(names, pattern), text;
	glob_t found;

	if (!name.p || glob(name.p, plain ? GLOB_NOCHECK : 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		name = vr_text_keep(names, vr_str_c(found.gl_pathv[i]));
		if (name.p && vr_file_read(name.p, &f->arena, errors, NULL, &text))
			add_text(f, text, name, errors);
	}
	globfree(&found);
}

static struct vr_rulefile *read_patterns(const struct vr_str_list *patterns, struct vr_arena *names, struct vr_rule_errors *errors)
{
	struct vr_rulefile *f = new_file();

	for (size_t i = 0; f && i < patterns->n; i++)
		add_pattern(f, patterns->at[i], names, errors);
	return f;
}

enum vr_err vr_rulefile_read(const struct vr_str_list *patterns, struct vr_arena *names,
	struct vr_rulefile **ret, struct vr_rule_errors *errors)
{
	size_t before = errors->n;
	struct vr_rulefile *f = read_patterns(patterns, names, errors);

	return f ? give(f, finish(f, before, errors), ret) : VR_E_NOMEM;
}

enum vr_err vr_rulefile_read_part(const struct vr_str_list *patterns, struct vr_arena *names,
	struct vr_rulefile **ret, struct vr_rule_errors *errors)
{
	size_t before = errors->n;
	struct vr_rulefile *f = read_patterns(patterns, names, errors);
	enum vr_err err = f ? finish(f, before, errors) : VR_E_NOMEM;

	if (err != VR_E_CONFIG)
		return f ? give(f, err, ret) : err;
	keep_named(f);
	*ret = f;
	return err;
}

void vr_rulefile_free(struct vr_rulefile *file)
{
	struct vr_mem mem;

	if (!file)
		return;
	vr_buf_done(&file->json);
	vr_arena_done(&file->arena);
	mem = file->noted.heap;
	vr_mem_put(&mem, file, sizeof(*file));
}

const struct vr_rule_spec *vr_rulefile_specs(const struct vr_rulefile *file, size_t *ret_n)
{
	*ret_n = file->specs.n;
	return file->specs.at;
}

struct vr_str vr_rulefile_json(const struct vr_rulefile *file)
{
	return vr_buf_str(&file->json);
}

struct vr_str vr_rulefile_hash(const struct vr_rulefile *file)
{
	return vr_str_c(file->hash);
}
