/* SPDX-License-Identifier: Apache-2.0 */
/* exposition.c - the registry as Prometheus' text format 0.0.4. */
#include <stdio.h>
#include <stdlib.h>

#include "registry.h"

static const char *const type_name[] = {[VR_M_COUNTER] = "counter",
	[VR_M_TOTAL] = "counter",
	[VR_M_GAUGE] = "gauge",
	[VR_M_HISTOGRAM] = "histogram"};

/* The shortest text that reads back as the same number. */
static void add_number(struct vr_buf *b, double v)
{
	char text[32];
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	vr_buf_c(b, text);
}

static void add_head(struct vr_buf *b, const struct metric *t)
{
	vr_buf_c(b, "# HELP ");
	vr_buf_c(b, t->name);
	vr_buf_byte(b, ' ');
	vr_buf_c(b, t->help);
	vr_buf_c(b, "\n# TYPE ");
	vr_buf_c(b, t->name);
	vr_buf_byte(b, ' ');
	vr_buf_c(b, type_name[t->type]);
	vr_buf_byte(b, '\n');
}

static void add_cell_name(struct vr_buf *b, const struct metric *t, unsigned cell)
{
	const struct label_set *set = &label_sets[t->labels];
	vr_buf_c(b, t->name);
	if (set->name) {
		vr_buf_byte(b, '{');
		vr_buf_c(b, set->label);
		vr_buf_c(b, "=\"");
		vr_buf_c(b, set->name(cell));
		vr_buf_c(b, "\"}");
	}
	vr_buf_byte(b, ' ');
}

static void add_counter(const struct vr_metrics *m, enum vr_m id, struct vr_buf *b)
{
	const struct label_set *set = &label_sets[metrics[id].labels];
	for (unsigned cell = 0; cell < set->n; cell++) {
		uint64_t sum = vr_metric_sum(m, id, cell);
		if (sum == 0 && !set->expected(cell))
			continue;
		add_cell_name(b, &metrics[id], cell);
		vr_buf_u64(b, sum);
		vr_buf_byte(b, '\n');
	}
}

static void add_gauge(const struct vr_metrics *m, enum vr_m id, struct vr_buf *b)
{
	for (unsigned cell = 0; cell < label_sets[metrics[id].labels].n; cell++) {
		double v = atomic_load_explicit(&m->gauge[m->at[id] + cell], memory_order_relaxed);
		if (isnan(v))
			continue;
		add_cell_name(b, &metrics[id], cell);
		add_number(b, v);
		vr_buf_byte(b, '\n');
	}
}

static void add_series(struct vr_metrics *m, enum vr_m id, struct vr_buf *b)
{
	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->n_series; i++) {
		if (m->series[i].id != id)
			continue;
		vr_buf_c(b, metrics[id].name);
		vr_buf_byte(b, '{');
		vr_buf_c(b, m->series[i].labels);
		vr_buf_c(b, "} ");
		add_number(b, m->series[i].value);
		vr_buf_byte(b, '\n');
	}
	pthread_mutex_unlock(&m->lock);
}

static void add_bucket(struct vr_buf *b, const char *name, const char *bound, uint64_t n)
{
	vr_buf_c(b, name);
	vr_buf_c(b, "_bucket{le=\"");
	vr_buf_c(b, bound);
	vr_buf_c(b, "\"} ");
	vr_buf_u64(b, n);
	vr_buf_byte(b, '\n');
}

static void add_histogram(const struct vr_metrics *m, enum vr_m id, struct vr_buf *b)
{
	const char *name = metrics[id].name;
	uint64_t n = 0, micros = vr_metric_sum(m, id, BOUNDS + 1);
	for (unsigned i = 0; i <= BOUNDS; i++) {
		char bound[32] = "+Inf";
		n += vr_metric_sum(m, id, i);
		if (i < BOUNDS)
			snprintf(bound, sizeof(bound), "%g", (double)bound_micros[i] / 1e6);
		add_bucket(b, name, bound, n);
	}
	vr_buf_c(b, name);
	vr_buf_c(b, "_sum ");
	add_number(b, (double)micros / 1e6);
	vr_buf_byte(b, '\n');
	vr_buf_c(b, name);
	vr_buf_c(b, "_count ");
	vr_buf_u64(b, n);
	vr_buf_byte(b, '\n');
}

static void add_samples(struct vr_metrics *m, enum vr_m id, struct vr_buf *b)
{
	const struct metric *t = &metrics[id];
	if (t->type == VR_M_COUNTER)
		add_counter(m, id, b);
	else if (t->type == VR_M_HISTOGRAM)
		add_histogram(m, id, b);
	else if (label_sets[t->labels].n == 0)
		add_series(m, id, b);
	else
		add_gauge(m, id, b);
}

void vr_metrics_write(struct vr_metrics *m, struct vr_buf *b)
{
	read_process(m);
	for (int id = 0; id < _VR_M_MAX; id++) {
		size_t before = b->n;
		add_head(b, &metrics[id]);
		size_t samples = b->n;
		add_samples(m, (enum vr_m)id, b);
		if (b->n == samples)
			b->n = before;
	}
}

void vr_metrics_list(struct vr_buf *b)
{
	for (int id = 0; id < _VR_M_MAX; id++) {
		const struct metric *t = &metrics[id];
		const char *const word[] = {
			t->name, "\t", type_name[t->type], "\t", label_sets[t->labels].label, "\t", t->help, "\n"};
		for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++)
			vr_buf_c(b, word[i]);
	}
}
