/* SPDX-License-Identifier: Apache-2.0 */
#include <endian.h>
#include "rule.h"
#include "rules_check.h"
#include "rules_template.h"
#include "virality/hash.h"
#include "virality/json.h"

#define RULES_MAX   1000U
#define CHUNK_BYTES 4096U

struct vr_rules {
	struct vr_mem *mem; /* keeps */
	struct vr_arena arena;
	struct vr_rule *at;
	size_t n;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Runs of white space folded to one blank, none at the ends. */
static void add_folded(struct vr_buf *b, struct vr_str s)
{
	bool gap = false, begun = false;

	for (size_t i = 0; i < s.n; i++) {
		if (is_blank(s.p[i])) {
			gap = begun;
			continue;
		}
		if (gap)
			vr_buf_byte(b, ' ');
		vr_buf_byte(b, (unsigned char)s.p[i]);
		gap = false;
		begun = true;
	}
}

static enum vr_err hash_version(const struct vr_rule_spec *spec, struct vr_mem *mem, uint64_t *ret)
{
	struct vr_buf b;
	bool failed;

	vr_buf_init(&b, mem);
	add_folded(&b, spec->expr);
	vr_buf_byte(&b, '\0');
	vr_buf_i64(&b, spec->for_.ms);
	vr_buf_byte(&b, '\0');
	add_folded(&b, spec->reset_expr);
	failed = b.failed;
	if (!failed)
		*ret = vr_hash64(vr_buf_str(&b));
	vr_buf_done(&b);
	return failed ? VR_E_NOMEM : VR_OK;
}

static enum vr_err keep_pairs(
	struct vr_arena *arena, const struct vr_pair *from, size_t n, const struct vr_pair **ret)
{
	struct vr_pair *to = vr_arena_alloc(arena, n * sizeof(*to));
	enum vr_err err = to ? VR_OK : VR_E_NOMEM;

	for (size_t i = 0; i < n && err == VR_OK; i++) {
		err = vr_arena_dup(arena, from[i].name, &to[i].name);
		if (err == VR_OK)
			err = vr_arena_dup(arena, from[i].value, &to[i].value);
	}
	*ret = to;
	return err;
}

static enum vr_err keep_text(struct vr_arena *arena, const struct vr_rule_spec *spec, struct vr_rule *r)
{
	enum vr_err err = vr_arena_dup(arena, spec->alert, &r->name);

	if (err == VR_OK)
		err = keep_pairs(arena, spec->labels, spec->n_labels, &r->labels);
	if (err == VR_OK)
		err = keep_pairs(arena, spec->annotations, spec->n_annotations, &r->annotations);
	if (err != VR_OK)
		return err;
	r->n_labels = spec->n_labels;
	r->n_annotations = spec->n_annotations;
	for (size_t i = 0; i < r->n_labels; i++)
		if (vr_str_eq(r->labels[i].name, VR_STR("severity")))
			r->severity = r->labels[i].value;
	return VR_OK;
}

/* A rule by another name is another rule: the ids of its alerts are others. */
static enum vr_err hash_key(struct vr_rule *r, struct vr_mem *mem)
{
	struct vr_buf b;
	bool failed;

	vr_buf_init(&b, mem);
	vr_buf_str_add(&b, r->name);
	vr_buf_byte(&b, '\0');
	vr_buf_add(&b, &(uint64_t){htole64(r->version)}, sizeof(r->version));
	r->key = vr_hash64(vr_buf_str(&b));
	failed = b.failed;
	vr_buf_done(&b);
	return failed ? VR_E_NOMEM : VR_OK;
}

/* A wrong expression is said, and yields no program. */
static enum vr_err compile_expr(struct vr_arena *arena, struct vr_str text, struct vr_pos pos,
	const struct vr_windows *windows, struct vr_rule_errors *errors, struct vr_program *ret)
{
	struct vr_draft draft;

	if (!vr_draft_parse(&draft, text, pos, windows, errors))
		return VR_OK;
	return vr_draft_keep(&draft, arena, ret);
}

static enum vr_err compile_one(struct vr_rules *set, const struct vr_rule_spec *spec,
	const struct vr_windows *windows, struct vr_rule_errors *errors)
{
	struct vr_rule *r = &set->at[set->n];
	enum vr_err err;

	*r = (struct vr_rule){.for_ = spec->for_, .has_reset = spec->reset_expr.n > 0};
	err = compile_expr(&set->arena, spec->expr, spec->expr_pos, windows, errors, &r->expr);
	if (err == VR_OK && r->has_reset)
		err = compile_expr(&set->arena, spec->reset_expr, spec->reset_pos, windows, errors, &r->reset);
	if (err == VR_OK && r->expr.n_code > 0)
		r->gate = vr_program_gate(&r->expr, &r->reset);
	if (err == VR_OK)
		err = keep_text(&set->arena, spec, r);
	if (err == VR_OK)
		err = hash_version(spec, set->mem, &r->version);
	if (err == VR_OK)
		err = hash_key(r, set->mem);
	if (err == VR_OK)
		set->n++;
	return err;
}

static const struct vr_rule *find_version(const struct vr_rules *set, uint64_t version)
{
	const struct vr_rule *r = set->at;

	while (r->version != version)
		r++;
	return r;
}

/* Two rules that decide alike say everything twice. */
static void check_twin(
	const struct vr_rules *set, const struct vr_rule_spec *spec, struct vr_rule_errors *errors)
{
	const struct vr_rule *r = &set->at[set->n - 1];
	const struct vr_rule *twin = find_version(set, r->version);

	if (twin != r && !vr_str_eq(twin->name, r->name))
		vr_rules_say(errors, spec->pos,
			"%q has the same expr, for and reset_expr as %q; expected one rule, or another "
			"threshold",
			r->name, twin->name);
}

static enum vr_err compile_all(struct vr_rules *set, const struct vr_rule_spec *specs, size_t n,
	const struct vr_windows *windows, struct vr_rule_errors *errors)
{
	size_t before = errors->n;

	if (n > RULES_MAX) {
		vr_rules_say(
			errors, specs[RULES_MAX].pos, "there are %u rules; expected at most %u", n, (size_t)RULES_MAX);
		return VR_E_CONFIG;
	}
	set->at = vr_arena_alloc(&set->arena, n * sizeof(*set->at));
	if (!set->at)
		return VR_E_NOMEM;
	for (size_t i = 0; i < n; i++) {
		enum vr_err err;
		vr_rule_spec_check(specs, i, errors);
		err = compile_one(set, &specs[i], windows, errors);
		if (err != VR_OK)
			return err;
		check_twin(set, &specs[i], errors);
	}
	return errors->n == before ? VR_OK : VR_E_CONFIG;
}

enum vr_err vr_rules_compile(const struct vr_rule_spec *specs, size_t n, const struct vr_windows *windows,
	struct vr_mem *mem, struct vr_rules **ret, struct vr_rule_errors *errors)
{
	struct vr_rules *set = vr_mem_get(mem, sizeof(*set));
	enum vr_err err;

	if (!set)
		return VR_E_NOMEM;
	*set = (struct vr_rules){.mem = mem};
	vr_arena_init(&set->arena, mem, CHUNK_BYTES);
	err = compile_all(set, specs, n, windows, errors);
	if (err == VR_OK)
		*ret = set;
	else
		vr_rules_free(set);
	return err;
}

void vr_rules_free(struct vr_rules *set)
{
	if (!set)
		return;
	vr_arena_done(&set->arena);
	vr_mem_put(set->mem, set, sizeof(*set));
}

size_t vr_rules_count(const struct vr_rules *set)
{
	return set->n;
}
const struct vr_rule *vr_rules_at(const struct vr_rules *set, size_t i)
{
	return &set->at[i];
}

int vr_rules_find(const struct vr_rules *set, uint64_t key)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->at[i].key == key)
			return (int)i;
	return -1;
}

static void add_name(struct vr_buf *b, size_t i, struct vr_str name)
{
	vr_buf_byte(b, i == 0 ? '{' : ',');
	vr_json_string(b, name);
	vr_buf_byte(b, ':');
}

void vr_rule_labels_json(const struct vr_rule *r, struct vr_buf *b)
{
	for (size_t i = 0; i < r->n_labels; i++) {
		add_name(b, i, r->labels[i].name);
		vr_json_string(b, r->labels[i].value);
	}
	vr_buf_c(b, r->n_labels > 0 ? "}" : "{}");
}

void vr_rule_annotations_json(const struct vr_rule *r, const struct vr_template_env *env, struct vr_buf *b)
{
	struct vr_buf text;

	vr_buf_init(&text, b->mem);
	for (size_t i = 0; i < r->n_annotations; i++) {
		add_name(b, i, r->annotations[i].name);
		vr_buf_clear(&text);
		vr_template_fill(r->annotations[i].value, r, env, &text);
		vr_json_string(b, vr_buf_str(&text));
		b->failed |= text.failed;
	}
	vr_buf_c(b, r->n_annotations > 0 ? "}" : "{}");
	vr_buf_done(&text);
}
