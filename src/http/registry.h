/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* registry.h - the metrics' memory, between the files of this room.
 *
 *      slot[worker]: |counter cells and histogram cells, in the order of the table|
 *      gauge[]:      |gauge and total cells, in the order of the table|
 *      series[]:     sorted by metric, then by labels
 *
 * A histogram's cells: one for each bound, one for what lies above, then the sum in microseconds.   */
#include <pthread.h>
#include <stdatomic.h>
#include "virality/metrics.h"

enum { CACHE_LINE = 64 };

/* One metric as the table has it, and where its cells are. */
struct metric {
	const char *name, *help;
	enum vr_m_type type;
	enum vr_m_labels labels;
};
extern const struct metric metrics[_VR_M_MAX];

/* What a label set is. A cell that is not expected shows only when it is not zero. */
struct label_set {
	const char *label;
	unsigned n;
	const char *(*name)(unsigned cell);
	bool (*expected)(unsigned cell);
};
extern const struct label_set label_sets[_VR_L_MAX];

enum { BOUNDS = 13 };
extern const uint64_t bound_micros[BOUNDS];
enum { HISTOGRAM_CELLS = BOUNDS + 2 };

struct series {
	enum vr_m id;
	char *labels;			/* a="b",c="d" */
	double value;
};
struct slot { _Atomic uint64_t *cell; };

struct vr_metrics {
	struct slot *slot;		/* workers, then the shared one */
	int workers;
	size_t at[_VR_M_MAX];		/* first cell of a metric, in a slot or among the gauges */
	size_t slot_cells, gauge_cells;
	_Atomic double *gauge;
	pthread_mutex_t lock;		/* of series */
	struct series *series;
	size_t n_series, cap_series;
	double start_time;
};

bool is_summed(enum vr_m_type type);		/* in slots, not among the gauges */
/** Read what the kernel knows of this process into the gauges. */
void read_process(struct vr_metrics *m);
/** When this process began, seconds since the epoch; NAN when not known. */
double process_start(void);
