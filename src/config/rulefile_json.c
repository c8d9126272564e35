/* SPDX-License-Identifier: Apache-2.0 */
#include "rulefile_json.h"
#include "virality/json.h"

static void add_text(struct vr_buf *b, const char *key, struct vr_str value)
{
	vr_json_string(b, vr_str_c(key));
	vr_buf_byte(b, ':');
	vr_json_string(b, value);
}

static void add_pairs(struct vr_buf *b, const char *key, const struct vr_pair *pairs, size_t n)
{
	if (n == 0)
		return;
	vr_buf_byte(b, ',');
	vr_json_string(b, vr_str_c(key));
	for (size_t i = 0; i < n; i++) {
		vr_buf_c(b, i == 0 ? ":{" : ",");
		vr_json_string(b, pairs[i].name);
		vr_buf_byte(b, ':');
		vr_json_string(b, pairs[i].value);
	}
	vr_buf_byte(b, '}');
}

static void add_rule(struct vr_buf *b, const struct vr_rule_spec *spec)
{
	vr_buf_byte(b, '{');
	add_text(b, "alert", spec->alert);
	vr_buf_byte(b, ',');
	add_text(b, "expr", spec->expr);
	if (spec->for_.ms > 0) {
		vr_buf_c(b, ",\"for\":\"");
		vr_buf_i64(b, spec->for_.ms);
		vr_buf_c(b, "ms\"");
	}
	if (spec->reset_expr.n > 0) {
		vr_buf_byte(b, ',');
		add_text(b, "reset_expr", spec->reset_expr);
	}
	add_pairs(b, "labels", spec->labels, spec->n_labels);
	add_pairs(b, "annotations", spec->annotations, spec->n_annotations);
	vr_buf_byte(b, '}');
}

void vr_rulefile_json_add(const struct vr_rule_spec *specs, size_t n, struct vr_buf *b)
{
	vr_buf_c(b, "{\"groups\":[{\"name\":\"virald\",\"rules\":[");
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			vr_buf_byte(b, ',');
		add_rule(b, &specs[i]);
	}
	vr_buf_c(b, "]}]}");
}
