/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* setting.h - the rows of settings.def, and a value of each type from a node of YAML. */
#include <stddef.h>
#include "noted.h"
#include "tree.h"
#include "virality/config.h"

enum vr_setting_type {
	VR_TYPE_STR,
	VR_TYPE_INT,
	VR_TYPE_SIZE,
	VR_TYPE_SPAN,
	VR_TYPE_BOOL,
	VR_TYPE_CHOICE,
	VR_TYPE_LIST,
	VR_TYPE_MAP,
	VR_TYPE_SECRET,
};

struct vr_setting {
	const char *path;
	enum vr_setting_type type;
	const char *unit;
	int64_t low, high;
	const char *fallback;
	bool reloadable;
	const char *text;
	size_t at; /* of its field in struct vr_config */
};
#define VR_SETTINGS_MAX 80
extern const struct vr_setting vr_settings[];
extern const size_t vr_settings_n;

/* A field's address by its row. */
static inline void *vr_setting_field(struct vr_config *c, const struct vr_setting *s)
{
	return (char *)c + s->at;
}
static inline const void *vr_setting_value(const struct vr_config *c, const struct vr_setting *s)
{
	return (const char *)c + s->at;
}

/* Where a value came from. */
struct vr_origin {
	char text[300];
};
struct vr_config_own {
	struct vr_noted_mem noted;
	struct vr_arena arena;
	struct vr_origin origin[VR_SETTINGS_MAX];
	struct vr_pos pos[VR_SETTINGS_MAX]; /* for what is checked when all values are known */
};

/* Whoever reads values: where to, what for. */
struct vr_setter {
	struct vr_config *config;
	struct vr_rule_errors *errors;
	const char *const *env;
	struct vr_arena *names; /* keeps file names of positions */
	bool expand;            /* ${VAR} in texts means something */
};

/** Row of a path; -1: none. */
int vr_setting_find(struct vr_str path);
/** Parse, check the range, put into the field; mistakes are said with what was expected. */
void vr_setting_set(struct vr_setter *s, size_t row, const struct vr_yaml *value);
/** Value of an environment variable or NULL. */
const char *vr_env_find(const char *const *env, struct vr_str name);
/** ${VAR}, ${VAR:-default} and $${ for a plain ${ replaced; p NULL when that was a mistake (said). */
struct vr_str vr_text_expand(struct vr_setter *s, const struct vr_yaml *value);
/** What a value must be, as people read it: "5m (10ms to 1m)". */
void vr_setting_expected(const struct vr_setting *s, char *text, size_t size);
void vr_setting_print(const struct vr_setting *s, const struct vr_config *c, FILE *out);

/** What must hold of values beyond type and range, and of several together; makes the derived fields. */
void vr_config_check(struct vr_setter *s);
/** Merge the sources of librdkafka's properties. */
void vr_config_properties(struct vr_setter *s, const char *(*property_refused)(struct vr_str name));
