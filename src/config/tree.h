/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* tree.h - a YAML (or JSON) text as a tree of nodes that know where they stand.
 *
 * Limits: 1 MiB, one document, 100,000 nodes after aliases are expanded, 24 levels deep; keys are plain
 * texts and no two of a map are alike. Scalars stay text: no guessing of types.
 * Ownership: nodes and text lie in the caller's arena.   Threads: one owner.
 * Fails: mistakes go to the list and yield NULL.                                                    */
#include "virality/arena.h"
#include "virality/rules.h"

enum vr_yaml_kind { VR_YAML_TEXT, VR_YAML_LIST, VR_YAML_MAP };
struct vr_yaml {
	enum vr_yaml_kind kind;
	struct vr_pos pos;  /* of its first character; of a quoted text: of the quote */
	struct vr_str text; /* NUL-terminated */
	enum { VR_YAML_PLAIN, VR_YAML_QUOTED, VR_YAML_BLOCK } style;
	const struct vr_yaml *item; /* LIST, MAP: n of them */
	const struct vr_yaml *key;  /* MAP: n of them */
	size_t n;
};

#define VR_YAML_BYTES_MAX (1U << 20)

/** The document, or NULL (a mistake was said, or no memory). An empty text is an empty map. name is borrowed
 * by positions. */
const struct vr_yaml *vr_yaml_parse(
	struct vr_str text, struct vr_str name, struct vr_arena *arena, struct vr_rule_errors *errors);
/** The text of a file, in the arena; says why not and gives false. Missing is no mistake when *ret_missing
 * may tell it. */
bool vr_file_read(const char *path, struct vr_arena *arena, struct vr_rule_errors *errors, bool *ret_missing,
	struct vr_str *ret);
/** Nothing was written: an empty map or a plain empty text, ~ or null. */
bool vr_yaml_is_nothing(const struct vr_yaml *y);
/** The value under key, or NULL. */
const struct vr_yaml *vr_yaml_find(const struct vr_yaml *map, const char *key);
/** Where a text's first character stands in the source; column 0 when columns of its later bytes cannot be
 * told. */
struct vr_pos vr_yaml_text_pos(const struct vr_yaml *y, struct vr_str source);
/** A copy in the arena with a NUL behind it; p is NULL when there is no memory. */
struct vr_str vr_text_keep(struct vr_arena *arena, struct vr_str s);
