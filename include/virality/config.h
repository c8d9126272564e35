/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* config.h - everything an operator can set, read from files, environment and command line.
 *
 * Flow:    defaults < /etc/virald/virald.yaml < conf.d beside it (lexical)
 *          < environment VIRALD_SECTION__KEY < --set path=value
 *          --> struct vr_config, plain values, immutable; a reload makes a second one and compares.
 * Table:   settings.def is the only list of settings; sample and reference page are printed from it.
 * Secrets: come from files (`*_file` keys) or from $CREDENTIALS_DIRECTORY; never printed, never in a message.
 * Ownership: a config owns all its text. Texts are NUL-terminated; n does not count that.
 * Fails:   VR_E_CONFIG with every mistake of every source in the list: what was found, what was expected.
 *          File names in the positions of mistakes live in an arena of the caller's.
 * Threads: an immutable config may be read by several threads. */
#include <stdio.h>
#include "virality/arena.h"
#include "virality/rules.h"

struct vr_str_list {
	const struct vr_str *at;
	size_t n;
};
struct vr_pair_list {
	const struct vr_pair *at;
	size_t n;
};

/* Values of CHOICE settings, in the order of their words. */
enum { VR_ON_GAP_STOP, VR_ON_GAP_SKIP };
enum { VR_ON_TRUNCATION_STOP, VR_ON_TRUNCATION_REBUILD };
enum { VR_ON_MISSING_STATE_REFUSE, VR_ON_MISSING_STATE_REBUILD };
enum { VR_ON_GROWTH_STOP, VR_ON_GROWTH_ACCEPT };
enum { VR_LOG_DEBUG, VR_LOG_INFO, VR_LOG_WARN, VR_LOG_ERROR };
enum { VR_LOG_AUTO, VR_LOG_JOURNAL, VR_LOG_LOGFMT, VR_LOG_JSON };

enum vr_start { VR_START_BEGINNING, VR_START_END, VR_START_TIME };

struct vr_config_own;
struct vr_config {
#define VR_SETTING_STR               struct vr_str
#define VR_SETTING_INT               int64_t
#define VR_SETTING_SIZE              int64_t
#define VR_SETTING_SPAN              struct vr_span
#define VR_SETTING_BOOL              bool
#define VR_SETTING_CHOICE            int
#define VR_SETTING_LIST              struct vr_str_list
#define VR_SETTING_MAP               struct vr_pair_list
#define VR_SETTING_SECRET            struct vr_str
#define VR_SETTING(field, type, ...) VR_SETTING_##type field;
#include "virality/settings.def"
#undef VR_SETTING
#undef VR_SETTING_STR
#undef VR_SETTING_INT
#undef VR_SETTING_SIZE
#undef VR_SETTING_SPAN
#undef VR_SETTING_BOOL
#undef VR_SETTING_CHOICE
#undef VR_SETTING_LIST
#undef VR_SETTING_MAP
#undef VR_SETTING_SECRET
	/* Made from the settings above. */
	struct vr_windows windows;
	enum vr_start start;
	struct vr_wall start_time;              /* of VR_START_TIME */
	struct vr_str redis_host, redis_socket; /* one of them is empty */
	int redis_port;
	bool redis_tls;
	struct vr_str http_host; /* empty: no HTTP */
	int http_port;
	struct vr_str replay_host;              /* empty: no HTTP of a replay */
	int replay_port;
	struct vr_pair_list librdkafka; /* properties_file, properties and password, merged; may hold secrets */
	struct vr_config_own *own;      /* memory and origins */
};

struct vr_config_source {
	const char *path;        /* the main file; NULL: none, then no conf.d either */
	const char *const *env;  /* NAME=value..., ends with NULL; NULL: none */
	const char *const *sets; /* path=value of the command line */
	size_t n_sets;
	/* Why a property of librdkafka may not be set, or NULL; NULL function: all may. */
	const char *(*property_refused)(struct vr_str name);
	struct vr_arena *names; /* keeps the file names that positions of mistakes hold */
};

VR_MUST enum vr_err vr_config_load(
	const struct vr_config_source *source, struct vr_config **ret, struct vr_rule_errors *errors);
void vr_config_free(struct vr_config *config);
/** Where the value of a setting comes from: "default", "file:line", "environment VIRALD_X", "credential",
 * "--set"; NULL: no such path. */
const char *vr_config_origin(const struct vr_config *config, const char *path);
/** Call each for every setting whose value differs. */
void vr_config_compare(const struct vr_config *a, const struct vr_config *b,
	void (*each)(void *ctx, const char *path, bool reloadable), void *ctx);

/** Every setting with value and origin; secrets as <secret>. */
void vr_config_dump(const struct vr_config *config, FILE *out);
/** deploy/config/virald.yaml: every setting, commented out, with its default. */
void vr_config_print_sample(FILE *out);
/** deploy/config/REFERENCE.md. */
void vr_config_print_reference(FILE *out);
/** One line each: `file:line:column: text`. */
void vr_config_print_errors(const struct vr_rule_errors *errors, FILE *out);
