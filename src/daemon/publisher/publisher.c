/* SPDX-License-Identifier: Apache-2.0 */
#include "parts.h"

#include <stdlib.h>
#include <time.h>

#include "clock.h"

enum { TRIM_CHUNK = 200, TRIM_EVERY = 60, HEAD_FIELDS = 6, READS = 3, WAITS_MS = 3000 };

static enum vr_err exchange(struct vr_publisher *p, struct vr_arena *arena, struct vr_replies *ret, struct vr_diag *d)
{
	struct vr_link link = vr_redis_link(p->redis);
	if (p->cmds.buf.failed)
		return VR_E_NOMEM;
	enum vr_err err = link.exchange(link.ctx, &p->cmds, arena, ret, d);
	vr_cmds_clear(&p->cmds);
	if (err)
		p->owner.held = false;
	return err;
}

/* ------------------------------------------------ the fence ---------------------------- */

static enum vr_err acquire(struct vr_publisher *p, struct vr_diag *d)
{
	struct vr_replies r;
	char token[VR_TOKEN_LEN + 1];
	vr_owner_look(&p->owner, &p->cmds);
	enum vr_err err = exchange(p, &p->arena, &r, d);
	if (!err)
		err = vr_owner_seen(&p->owner, r.at, &p->record);
	if (err)
		return err;
	vr_clock_token(token);
	p->record.exists = true;
	vr_owner_claim_begin(&p->owner, &p->cmds);
	vr_owner_claim_end(&p->owner, &p->record, token, &p->cmds);
	err = exchange(p, &p->arena, &r, d);
	return err ? err : vr_owner_claimed(&p->owner, &r, d);
}

/* ------------------------------------------------ read --------------------------------- */

static struct vr_seen *add_seen(struct vr_publisher *p)
{
	struct vr_seen *s = vr_mem_grow(p->seen, p->n_seen, &p->cap_seen, sizeof(*s));
	if (!s)
		return NULL;
	p->seen = s;
	p->seen[p->n_seen] = (struct vr_seen){.known = false};
	return &p->seen[p->n_seen++];
}

static void ask_part(struct vr_publisher *p, const struct vr_keys *keys)
{
	struct vr_cmds *c = &p->cmds;
	vr_cmd_words(c, "MULTI", NULL);
	vr_cmd(c, 2 + HEAD_FIELDS, "HMGET");
	vr_key_own(c, keys, "own");
	vr_cmd_c(c, "off");
	vr_cmd_c(c, "stream_ms");
	vr_cmd_c(c, "view_ms");
	vr_cmd_c(c, "complete");
	vr_cmd_c(c, "cut_ms");
	vr_cmd_c(c, "wait_ms");
	vr_cmd(c, 2, "HGETALL");
	vr_key_own(c, keys, "part");
	vr_cmd(c, 2, "HGETALL");
	vr_key_own(c, keys, "top");
	vr_cmd_words(c, "EXEC", NULL);
}

/* A partition to which nothing comes is not cut: what it said last was of then. */
static void read_wait(struct vr_seen *s, const struct vr_reply *head)
{
	int64_t cut = 0;
	if (s->known && vr_reply_i64(&head->elem[4], &cut) && vr_clock_wall().ms - cut <= WAITS_MS)
		(void)vr_reply_i64(&head->elem[5], &s->wait.ms);
}

static void read_head(struct vr_seen *s, const struct vr_reply *head)
{
	int64_t complete = 0;
	s->known = head->n == HEAD_FIELDS && vr_reply_i64(&head->elem[0], &s->off) && vr_reply_i64(&head->elem[1], &s->stream.ms) &&
		   vr_reply_i64(&head->elem[2], &s->view.ms) && vr_reply_i64(&head->elem[3], &complete);
	s->view = vr_wall_max(s->view, s->stream);
	s->complete = complete != 0;
	read_wait(s, head);
}

static enum vr_err merge_slots(struct vr_publisher *p, enum vr_slot slot, const struct vr_reply *flat)
{
	enum vr_err err = VR_OK;
	for (size_t i = 0; i + 1 < flat->n && !err; i += 2)
		if (!vr_str_eq(flat->elem[i].str, VR_STR("_rules")))
			err = vr_merge_slot(p->merge, slot, flat->elem[i].str, flat->elem[i + 1].str);
	return err;
}

static enum vr_err read_part(struct vr_publisher *p, struct vr_str topic, int32_t partition, struct vr_diag *d)
{
	struct vr_keys keys;
	struct vr_replies r;
	enum vr_err err = vr_keys_init(&keys, p->config.prefix, topic, partition, p->config.live_db, p->config.alerts_db);
	struct vr_seen *s = err ? NULL : add_seen(p);
	if (!s)
		return err ? err : VR_E_NOMEM;
	s->part = (struct vr_topic_part){topic, partition};
	ask_part(p, &keys);
	vr_arena_reset(&p->arena);
	err = exchange(p, &p->arena, &r, d);
	if (err)
		return err;
	const struct vr_reply *exec = &r.at[r.n - 1];
	if (exec->type != VR_REPLY_ARRAY || exec->n != READS || vr_reply_first_error(exec))
		return vr_diag_set(d, VR_E_REPLY, "redis", "cannot read partition %.*s:%d", (int)topic.n, topic.p, partition);
	read_head(s, &exec->elem[0]);
	if (!s->known)
		return VR_OK;
	vr_merge_part(p->merge, s->view, s->stream.ms > 0);
	err = merge_slots(p, VR_SLOT_PARTIAL, &exec->elem[1]);
	return err ? err : merge_slots(p, VR_SLOT_BOARD, &exec->elem[2]);
}

static enum vr_err read_parts(struct vr_publisher *p, struct vr_diag *d)
{
	enum vr_err err = VR_OK;
	p->n_seen = 0;
	for (size_t t = 0; t < p->config.n_topics && !err; t++) {
		int32_t n = p->config.partitions(p->config.ctx, p->config.topics[t]);
		for (int32_t i = 0; i < n && !err; i++)
			err = read_part(p, p->config.topics[t], i, d);
	}
	return err;
}

/* ------------------------------------------------ old alerts --------------------------- */

/* Entries older than the retention go, and with an alert's last entry its hash. */
static void trim_entry(struct vr_publisher *p, const struct vr_reply *entry)
{
	const struct vr_reply *state = vr_reply_field(&entry->elem[1], "state"), *id = vr_reply_field(&entry->elem[1], "id");
	vr_cmd(&p->cmds, 3, "XDEL");
	vr_key_global(&p->cmds, &p->keys, "alerts");
	vr_cmd_str(&p->cmds, entry->elem[0].str);
	if (!state || !id || !vr_str_eq(state->str, VR_STR("resolved")))
		return;
	vr_cmd(&p->cmds, 2, "DEL");
	vr_cmd_key(&p->cmds, p->keys.prefix, VR_STR("alert:"), id->str);
}

static enum vr_err trim_alerts(struct vr_publisher *p, struct vr_diag *d)
{
	struct vr_replies r;
	vr_cmd_select(&p->cmds, p->config.alerts_db);
	vr_cmd(&p->cmds, 6, "XRANGE");
	vr_key_global(&p->cmds, &p->keys, "alerts");
	vr_cmd_c(&p->cmds, "-");
	vr_cmd_i64(&p->cmds, vr_clock_wall().ms - p->config.alerts_retention.ms);
	vr_cmd_c(&p->cmds, "COUNT");
	vr_cmd_i64(&p->cmds, TRIM_CHUNK);
	vr_cmd_select(&p->cmds, p->config.live_db);
	vr_arena_reset(&p->arena);
	enum vr_err err = exchange(p, &p->arena, &r, d);
	if (err || r.at[1].type != VR_REPLY_ARRAY || r.at[1].n == 0)
		return err;
	vr_cmd_select(&p->cmds, p->config.alerts_db);
	for (size_t i = 0; i < r.at[1].n; i++)
		trim_entry(p, &r.at[1].elem[i]);
	vr_cmd_select(&p->cmds, p->config.live_db);
	return exchange(p, &p->kept, &r, d);
}

/* ------------------------------------------------ a round ------------------------------ */

static enum vr_err commit(struct vr_publisher *p, const struct vr_replies *titles, struct vr_diag *d)
{
	struct vr_replies r;
	vr_owner_guard(&p->owner, &p->cmds);
	vr_arena_reset(&p->arena);
	enum vr_err err = exchange(p, &p->arena, &r, d);
	if (!err)
		err = vr_owner_guarded(&p->owner, &r, d);
	if (err)
		return err;
	vr_owner_commit_begin(&p->owner, &p->cmds);
	p->now.ms = vr_clock_wall().ms;
	vr_merged_write(p, titles);
	p->record.off++;
	vr_owner_commit_end(&p->owner, &p->record, &p->cmds);
	vr_arena_reset(&p->arena);
	err = exchange(p, &p->arena, &r, d);
	if (!err)
		err = vr_owner_committed(&p->owner, &r, &r, d);
	for (size_t i = 0; !err && i < r.n; i++)
		if (r.at[i].type == VR_REPLY_ERROR)
			err = vr_diag_set(d, VR_E_REPLY, "redis", "a merged view: %s", r.at[i].str.p);
	return err;
}

/* Read before the transaction: a title changes seldom. */
static enum vr_err ask_titles(struct vr_publisher *p, struct vr_replies *ret, struct vr_diag *d)
{
	vr_merged_ask(p);
	return exchange(p, &p->kept, ret, d);
}

static enum vr_err publish(struct vr_publisher *p, struct vr_diag *d)
{
	struct vr_replies titles;
	enum vr_err err = p->owner.held ? VR_OK : acquire(p, d);
	if (!err)
		err = vr_merge_new(&p->config.merge, &p->mem, &p->merge);
	if (err)
		return err;
	err = read_parts(p, d);
	if (!err)
		err = vr_merge_done(p->merge);
	if (!err)
		err = ask_titles(p, &titles, d);
	if (!err) {
		p->told = &titles.at[titles.n - 2];
		p->generation = &titles.at[titles.n - 1];
		err = commit(p, &titles, d);
	}
	if (!err && !p->config.replay && p->round++ % TRIM_EVERY == 0)
		err = trim_alerts(p, d);
	p->told = p->generation = NULL;
	vr_merge_free(p->merge);
	p->merge = NULL;
	return err;
}

/* ------------------------------------------------ the thread --------------------------- */

static bool wait_turn(struct vr_publisher *p, int64_t until_ms)
{
	pthread_mutex_lock(&p->lock);
	struct timespec end = {until_ms / 1000, until_ms % 1000 * 1000000};
	while (!p->stop && (!p->lead || vr_clock_mono().ms < until_ms)) {
		atomic_store(&p->beat_ms, vr_clock_mono().ms);
		if (p->lead)
			pthread_cond_timedwait(&p->wake, &p->lock, &end);
		else
			pthread_cond_wait(&p->wake, &p->lock);
	}
	bool go = !p->stop;
	pthread_mutex_unlock(&p->lock);
	return go;
}

static void *work(void *arg)
{
	struct vr_publisher *p = arg;
	int64_t next = 0;
	while (wait_turn(p, next)) {
		struct vr_diag d = {0};
		int64_t begin = vr_clock_mono().ms;
		next = begin + p->config.interval.ms;
		vr_arena_reset(&p->kept);
		vr_cmds_clear(&p->cmds);
		enum vr_err err = publish(p, &d);
		if (err) {
			p->owner.held = false;
			vr_cmds_clear(&p->cmds);
			p->config.failed(p->config.ctx, err, &d);
		} else {
			p->config.published(p->config.ctx, (struct vr_span){vr_clock_mono().ms - begin});
		}
	}
	return NULL;
}

static enum vr_err init(struct vr_publisher *p)
{
	pthread_condattr_t attr;
	p->mem = vr_mem_heap();
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->wake, &attr);
	pthread_condattr_destroy(&attr);
	vr_cmds_init(&p->cmds, &p->mem);
	vr_arena_init(&p->arena, &p->mem, 0);
	vr_arena_init(&p->kept, &p->mem, 0);
	vr_buf_init(&p->text, &p->mem);
	vr_owner_init(&p->owner, &p->keys);
	enum vr_err err = vr_keys_init(&p->keys, p->config.prefix, VR_STR(""), 0, p->config.live_db, p->config.alerts_db);
	return err ? err : vr_redis_new(&p->config.redis, &p->redis);
}

enum vr_err vr_publisher_new(const struct vr_publisher_config *config, struct vr_publisher **ret)
{
	struct vr_publisher *p = calloc(1, sizeof(*p));
	if (!p)
		return VR_E_NOMEM;
	p->config = *config;
	enum vr_err err = init(p);
	if (!err) {
		p->running = pthread_create(&p->thread, NULL, work, p) == 0;
		err = p->running ? VR_OK : VR_E_NOMEM;
	}
	if (err)
		vr_publisher_free(p);
	else
		*ret = p;
	return err;
}

static void end_thread(struct vr_publisher *p)
{
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
	if (p->running)
		pthread_join(p->thread, NULL);
	p->running = false;
}

enum vr_err vr_publisher_finish(struct vr_publisher *p, struct vr_diag *d)
{
	end_thread(p);
	vr_arena_reset(&p->kept);
	vr_cmds_clear(&p->cmds);
	return publish(p, d);
}

void vr_publisher_free(struct vr_publisher *p)
{
	if (!p)
		return;
	end_thread(p);
	vr_cmds_done(&p->cmds);
	vr_arena_done(&p->arena);
	vr_arena_done(&p->kept);
	vr_buf_done(&p->text);
	vr_redis_free(p->redis);
	free(p->seen);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

void vr_publisher_lead(struct vr_publisher *p, bool lead)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->lead = lead;
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
}

struct vr_mono vr_publisher_beat(const struct vr_publisher *p) { return (struct vr_mono){atomic_load(&p->beat_ms)}; }
