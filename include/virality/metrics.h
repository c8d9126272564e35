/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* metrics.h - what is counted, and how Prometheus is told (text format 0.0.4).
 *
 * Picture:   worker 0 ──add──> |cells of worker 0|\
 *            worker 1 ──add──> |cells of worker 1|──sum──> vr_metrics_write (any thread)
 *            anybody  ──add──> |shared cells     |/
 *            anybody  ──set──> |gauges           |──/   NAN: unknown, so the series is absent
 *
 * Table:   metrics.def is the only list; enum, registry and exposition come from it.
 * Never a content or any other text of an event in a label: labels are bounded by the code or by the
 * partitions.
 * Threads: counters of worker w are added to by its thread alone, without locks; those of VR_M_SHARED,
 * gauges, series and reading by any thread.
 * Fails:   a series for which there is no memory is missing, and nothing else.                        */
#include <math.h>
#include "virality/buf.h"
#include "virality/err.h"

enum vr_m {
#define VR_M(id, type, labels, name, help) VR_M_##id,
#include "virality/metrics.def"
#undef VR_M
	_VR_M_MAX
};
enum vr_m_type { VR_M_COUNTER, VR_M_TOTAL, VR_M_GAUGE, VR_M_HISTOGRAM };

/* What a metric is split by; `cell` below is the number among them. */
enum vr_m_labels {
	VR_L_NONE,
	VR_L_REASON,		/* reason: enum vr_err; those of a refused record */
	VR_L_KIND,		/* reason: enum vr_err; those that end in a rewind */
	VR_L_REDIS_KIND,	/* kind: enum vr_err; those of a peer */
	VR_L_REBALANCE,		/* type: enum vr_l_rebalance */
	VR_L_PART_STATE,	/* state: enum vr_l_part_state */
	VR_L_ALERT_STATE,	/* state: enum vr_l_alert_state */
	VR_L_PARTITION,		/* topic, partition: vr_metric_series */
	VR_L_BUILD,		/* any: vr_metric_series */
	_VR_L_MAX
};
enum vr_l_rebalance { VR_L_ASSIGNED, VR_L_REVOKED, VR_L_LOST, _VR_L_REBALANCES };
enum vr_l_part_state { VR_L_ACQUIRING, VR_L_RUNNING, VR_L_WAITING, VR_L_STOPPED, _VR_L_PART_STATES };
enum vr_l_alert_state { VR_L_PENDING, VR_L_FIRING, _VR_L_ALERT_STATES };

enum { VR_M_SHARED = -1 };	/* in place of a worker */

struct vr_metrics;		/* opaque */
/** workers: how many have cells of their own. */
VR_MUST enum vr_err vr_metrics_new(int workers, struct vr_metrics **ret);
void vr_metrics_free(struct vr_metrics *m);

/** Raise a counter, or its cell. */
void vr_metric_add_at(struct vr_metrics *m, int worker, enum vr_m id, unsigned cell, uint64_t n);
static inline void vr_metric_add(struct vr_metrics *m, int worker, enum vr_m id, uint64_t n)
{
	vr_metric_add_at(m, worker, id, 0, n);
}
/** Set a gauge or a total, or its cell; NAN: not known. */
void vr_metric_set_at(struct vr_metrics *m, enum vr_m id, unsigned cell, double value);
static inline void vr_metric_set(struct vr_metrics *m, enum vr_m id, double value)
{
	vr_metric_set_at(m, id, 0, value);
}
/** Count a duration in a histogram. */
void vr_metric_observe(struct vr_metrics *m, int worker, enum vr_m id, uint64_t micros);
/** Set the gauge of a series by labels (copied); NAN: the series goes. */
struct vr_label { const char *name; struct vr_str value; };
void vr_metric_series(
	struct vr_metrics *m, enum vr_m id, const struct vr_label *labels, size_t n, double value);

/** All series of that metric go. */
void vr_metric_series_clear(struct vr_metrics *m, enum vr_m id);

/** A counter's sum over all workers. */
uint64_t vr_metric_sum(const struct vr_metrics *m, enum vr_m id, unsigned cell);
/** The name of a cell ("too_large", "running"); NULL: there is no such cell. */
const char *vr_metric_cell(enum vr_m id, unsigned cell);

/** Append all metrics in the text format. Process metrics are read now. */
void vr_metrics_write(struct vr_metrics *m, struct vr_buf *b);
#define VR_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
/** Append every metric as `name type labels help`, tab between, one a line: for the reference. */
void vr_metrics_list(struct vr_buf *b);
