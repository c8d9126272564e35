/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* rulefile.h - rule files in the shape of Prometheus's, read into specs for vr_rules_compile.
 *
 * Picture:   rules.d --read--> specs --compile--> struct vr_rules
 *                        \--> canonical JSON + its hash --> `vir:rules` --parse--> the same specs
 * The canonical text holds what rules say and nothing of how the files were written: one line of JSON,
 * one group, keys in a fixed order, `for` in milliseconds. JSON is YAML, so one parser reads both.
 * Ownership: a rule file owns all text of its specs; free it when they are compiled.
 *            File names in positions live in the caller's arena `names`, kept as long as the errors.
 * Fails:     VR_E_CONFIG with every mistake in the list.   Threads: one owner.                     */
#include "virality/config.h"

struct vr_rulefile;

/** All files that the patterns name, in the patterns' order, each pattern's files in lexical order. No file
 * at all is no mistake for a pattern with * or ?, a missing plain path is. */
VR_MUST enum vr_err vr_rulefile_read(const struct vr_str_list *patterns, struct vr_arena *names,
	struct vr_rulefile **ret, struct vr_rule_errors *errors);
/** The same, but with VR_E_CONFIG *ret is given, too: the rules that have a name and an expression, so that mistakes
 * in those are told together with the others. Good for nothing else; free it. */
VR_MUST enum vr_err vr_rulefile_read_part(const struct vr_str_list *patterns, struct vr_arena *names,
	struct vr_rulefile **ret, struct vr_rule_errors *errors);
/** Read and compile: what vr_rulefile_read_part and vr_rules_compile find is all in *errors. Gives both, or nothing. */
VR_MUST enum vr_err vr_rulefile_compile(const struct vr_str_list *patterns, const struct vr_windows *windows, struct vr_mem *mem,
	struct vr_arena *names, struct vr_rulefile **ret, struct vr_rules **ret_rules, struct vr_rule_errors *errors);
/** What is fine, but perhaps not what was meant: one line each, `file:line:column: warning: text`. The set is the file's. */
void vr_rulefile_print_warnings(const struct vr_rulefile *file, const struct vr_rules *rules, FILE *out);
/** One text, known by name (keeps) in messages. */
VR_MUST enum vr_err vr_rulefile_parse(
	struct vr_str text, struct vr_str name, struct vr_rulefile **ret, struct vr_rule_errors *errors);
void vr_rulefile_free(struct vr_rulefile *file);
const struct vr_rule_spec *vr_rulefile_specs(const struct vr_rulefile *file, size_t *ret_n);
/** The canonical text, and 16 hex digits of its XXH3-64. */
struct vr_str vr_rulefile_json(const struct vr_rulefile *file);
struct vr_str vr_rulefile_hash(const struct vr_rulefile *file);
