/* SPDX-License-Identifier: Apache-2.0 */
/* assign.c - partitions come from the group, are given to the least loaded worker, and go back. */
#include <stdlib.h>

#include "daemon.h"

enum { REVOKE_MS = 15000 };

static int least_loaded(struct vr_daemon *d)
{
	int best = 0;
	for (int i = 1; i < d->n_workers; i++)
		if (vr_worker_parts(d->worker[i]) < vr_worker_parts(d->worker[best]))
			best = i;
	return best;
}

static bool leads(const struct vr_daemon *d, const struct vr_topic_part *p)
{
	return p->partition == 0 && vr_str_eq(p->topic, d->config->kafka_topics.at[0]);
}

/* Topics are those of the configuration: texts that live as long as the daemon. */
static struct vr_str own_topic(const struct vr_daemon *d, struct vr_str topic)
{
	for (size_t i = 0; i < d->config->kafka_topics.n; i++)
		if (vr_str_eq(d->config->kafka_topics.at[i], topic))
			return d->config->kafka_topics.at[i];
	return topic;
}

static void remember(struct vr_daemon *d, const struct vr_topic_part *p, int worker)
{
	pthread_mutex_lock(&d->lock);
	struct known *k = reallocarray(d->known, d->n_known + 1, sizeof(*k));
	VR_ASSERT(k);
	d->known = k;
	k[d->n_known++] = (struct known){{own_topic(d, p->topic), p->partition}, worker, -1};
	pthread_mutex_unlock(&d->lock);
}

static int forget(struct vr_daemon *d, const struct vr_topic_part *p)
{
	int worker = -1;
	pthread_mutex_lock(&d->lock);
	for (size_t i = 0; i < d->n_known; i++)
		if (d->known[i].part.partition == p->partition && vr_str_eq(d->known[i].part.topic, p->topic)) {
			worker = d->known[i].worker;
			d->known[i] = d->known[--d->n_known];
			break;
		}
	pthread_mutex_unlock(&d->lock);
	return worker;
}

static void lead(struct vr_daemon *d, bool leads_now)
{
	vr_report_leads(d->report, leads_now);
	vr_publisher_lead(d->publisher, leads_now);
}

void vr_daemon_assigned(void *ctx, const struct vr_topic_part *parts, size_t n)
{
	struct vr_daemon *d = ctx;
	vr_report_rebalance(d->report, "assign", n);
	for (size_t i = 0; i < n; i++) {
		int worker = least_loaded(d);
		remember(d, &parts[i], worker);
		if (leads(d, &parts[i]))
			lead(d, true);
		vr_worker_give(d->worker[worker], &parts[i]);
	}
}

void vr_daemon_revoked(void *ctx, const struct vr_topic_part *parts, size_t n, bool lost)
{
	struct vr_daemon *d = ctx;
	vr_report_rebalance(d->report, lost ? "lost" : "revoke", n);
	for (size_t i = 0; i < n; i++) {
		int worker = forget(d, &parts[i]);
		if (leads(d, &parts[i]))
			lead(d, false);
		if (worker >= 0)
			vr_worker_take_back(d->worker[worker], &parts[i], (struct vr_span){REVOKE_MS});
		if (vr_workers_have_progress(d->worker, d->n_workers))
			vr_notify_watchdog(&d->notify);
	}
}

void vr_daemon_group_error(void *ctx, enum vr_err err, bool fatal, const char *text)
{
	struct vr_daemon *d = ctx;
	vr_report_say(d->report, fatal ? VR_EV_FATAL : VR_EV_KAFKA, "%s", text);
	if (fatal)
		vr_daemon_end(d, vr_exit_of(err));
}
