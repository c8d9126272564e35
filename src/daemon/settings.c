/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "settings.h"

extern char **environ;
enum { ERRORS_MAX = 200 };

static enum vr_err check_rules(const struct vr_config *c, struct vr_mem *mem, struct vr_arena *names, struct vr_rulefile **ret,
	struct vr_rule_errors *errors)
{
	struct vr_rules *rules = NULL;
	enum vr_err err = vr_rulefile_compile(&c->rules_files, &c->windows, mem, names, ret, &rules, errors);
	vr_rules_free(rules);
	return err;
}

enum vr_err vr_settings_load(const struct vr_settings *from, struct vr_config **ret, struct vr_rulefile **ret_rules)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_arena names;			/* positions in messages point into it */
	vr_arena_init(&names, &mem, 0);
	struct vr_rule_error *error = calloc(ERRORS_MAX, sizeof(*error));
	struct vr_rule_errors errors = {.at = error, .cap = error ? ERRORS_MAX : 0};
	struct vr_config_source source = {.path = from->config_path, .env = (const char *const *)environ, .sets = from->sets,
		.n_sets = from->n_sets, .property_refused = vr_kafka_property_refused, .names = &names};
	struct vr_config *c;
	enum vr_err err = vr_config_load(&source, &c, &errors);
	if (!err) {
		err = ret_rules ? check_rules(c, &mem, &names, ret_rules, &errors) : VR_OK;
		if (err)
			vr_config_free(c);
		else
			*ret = c;
	}
	if (err)
		vr_config_print_errors(&errors, stderr);
	vr_arena_done(&names);
	free(error);
	return err;
}

static enum vr_err read_rules(const struct vr_str_list *files, const struct vr_windows *windows, struct vr_mem *mem,
	struct vr_rulefile **ret_file, struct vr_rules **ret)
{
	struct vr_arena names;
	struct vr_rule_error *error = calloc(ERRORS_MAX, sizeof(*error));
	struct vr_rule_errors errors = {.at = error, .cap = error ? ERRORS_MAX : 0};
	vr_arena_init(&names, mem, 0);
	enum vr_err err = vr_rulefile_compile(files, windows, mem, &names, ret_file, ret, &errors);
	if (err)
		vr_config_print_errors(&errors, stderr);
	else
		vr_rulefile_print_warnings(*ret_file, *ret, stderr);
	vr_arena_done(&names);
	free(error);
	return err;
}

enum vr_err vr_settings_rules(const struct vr_str_list *files, const struct vr_windows *windows, struct vr_mem *mem, struct vr_rules **ret)
{
	struct vr_rulefile *file = NULL;
	enum vr_err err = read_rules(files, windows, mem, &file, ret);
	vr_rulefile_free(file);
	return err;
}

enum vr_err vr_settings_rulefile(const struct vr_str_list *files, const struct vr_windows *windows, struct vr_mem *mem, struct vr_rulefile **ret)
{
	struct vr_rules *rules = NULL;
	enum vr_err err = read_rules(files, windows, mem, ret, &rules);
	vr_rules_free(rules);
	return err;
}

struct vr_redis_config vr_settings_redis(const struct vr_config *c)
{
	return (struct vr_redis_config){.host = c->redis_host, .unix_path = c->redis_socket, .port = c->redis_port, .user = c->redis_user,
		.password = c->redis_password, .tls = c->redis_tls, .tls_ca_file = c->redis_tls_ca_file,
		.connect_timeout = c->redis_connect_timeout, .timeout = c->redis_timeout, .db = (int)c->redis_live_db,
		.allow_eviction = c->redis_allow_eviction};
}

enum vr_err vr_settings_kafka(const struct vr_config *c, const char *client_id, struct vr_property **list, struct vr_kafka_config *ret)
{
	*list = calloc(c->librdkafka.n + 1, sizeof(**list));
	if (!*list)
		return VR_E_NOMEM;
	for (size_t i = 0; i < c->librdkafka.n; i++)
		(*list)[i] = (struct vr_property){c->librdkafka.at[i].name, c->librdkafka.at[i].value};
	*ret = (struct vr_kafka_config){.brokers = c->kafka_brokers, .group_id = c->kafka_group_id, .client_id = vr_str_c(client_id),
		.topics = c->kafka_topics.at, .n_topics = c->kafka_topics.n, .properties = *list, .n_properties = c->librdkafka.n,
		.queue_budget_bytes = (size_t)c->kafka_queue_budget};
	return VR_OK;
}

static enum vr_policy policy(int choice) { return choice ? VR_POLICY_GO_ON : VR_POLICY_STOP; }

struct vr_shard_config vr_settings_shard(const struct vr_config *c)
{
	return (struct vr_shard_config){
		.engine = {
			.windows = c->windows, .max_ahead = c->kafka_max_ahead, .dedup_window = c->dedup_window, .retention = c->retention,
			.channels_max = (uint32_t)c->channels_max, .views_min_events = (uint32_t)c->views_min_events,
			.ts_min_events = (uint32_t)c->views_ts_min_events, .board_size = (uint32_t)c->views_top_n,
			.max_contents = (uint64_t)c->memory_max_contents,
		},
		.prefix = c->redis_prefix, .live_db = (int)c->redis_live_db, .alerts_db = (int)c->redis_alerts_db,
		.on_gap = policy(c->kafka_on_gap), .on_truncation = policy(c->kafka_on_truncation),
		.on_missing_state = policy(c->kafka_on_missing_state), .on_growth = policy(c->kafka_on_partition_growth),
		.cut_interval = c->cut_interval, .idle_timeout = c->idle_timeout, .kafka_ahead = c->kafka_max_clock_ahead,
		.cut_contents = (uint32_t)c->cut_contents, .cut_contents_behind = (uint32_t)c->cut_contents_catching_up,
		.cut_bytes = (size_t)c->cut_bytes, .announce_history = c->announce_history,
	};
}

int vr_settings_workers(const struct vr_config *c)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	return c->workers > 0 ? (int)c->workers : cores > 0 ? (int)cores : 1;
}
