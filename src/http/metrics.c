/* SPDX-License-Identifier: Apache-2.0 */
#include "registry.h"

#include <stdlib.h>

static size_t cells_of(const struct metric *t)
{
	return t->type == VR_M_HISTOGRAM ? HISTOGRAM_CELLS : label_sets[t->labels].n;
}

static void place(struct vr_metrics *m)
{
	for (int i = 0; i < _VR_M_MAX; i++) {
		size_t *next = is_summed(metrics[i].type) ? &m->slot_cells : &m->gauge_cells;
		m->at[i] = *next;
		*next += cells_of(&metrics[i]);
	}
}

/* Cells of two workers are never in one line of the cache. */
static _Atomic uint64_t *new_cells(size_t n)
{
	size_t bytes = (n * sizeof(uint64_t) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
	_Atomic uint64_t *cell = aligned_alloc(CACHE_LINE, bytes);
	for (size_t i = 0; cell && i < n; i++)
		atomic_init(&cell[i], 0);
	return cell;
}

static enum vr_err make_cells(struct vr_metrics *m)
{
	place(m);
	m->slot = calloc((size_t)m->workers + 1, sizeof(m->slot[0]));
	m->gauge = calloc(m->gauge_cells, sizeof(m->gauge[0]));
	if (!m->slot || !m->gauge)
		return VR_E_NOMEM;
	for (int w = 0; w <= m->workers; w++) {
		m->slot[w].cell = new_cells(m->slot_cells);
		if (!m->slot[w].cell)
			return VR_E_NOMEM;
	}
	for (size_t i = 0; i < m->gauge_cells; i++)
		atomic_init(&m->gauge[i], NAN);
	return VR_OK;
}

enum vr_err vr_metrics_new(int workers, struct vr_metrics **ret)
{
	struct vr_metrics *m = calloc(1, sizeof(*m));
	if (!m)
		return VR_E_NOMEM;
	m->workers = workers;
	m->start_time = process_start();
	pthread_mutex_init(&m->lock, NULL);
	enum vr_err err = make_cells(m);
	if (err) {
		vr_metrics_free(m);
		return err;
	}
	*ret = m;
	return VR_OK;
}

void vr_metrics_free(struct vr_metrics *m)
{
	if (!m)
		return;
	for (int w = 0; m->slot && w <= m->workers; w++)
		free((void *)m->slot[w].cell);
	for (size_t i = 0; i < m->n_series; i++)
		free(m->series[i].labels);
	pthread_mutex_destroy(&m->lock);
	free(m->series);
	free((void *)m->gauge);
	free(m->slot);
	free(m);
}

/* ------------------------------------------------ counters ----------------------------- */

/* A worker's cell has one writer, so it need not be locked on the bus. */
static void raise_cell(struct vr_metrics *m, int worker, size_t cell, uint64_t n)
{
	VR_ASSERT(worker >= VR_M_SHARED && worker < m->workers);
	if (worker == VR_M_SHARED) {
		atomic_fetch_add_explicit(&m->slot[m->workers].cell[cell], n, memory_order_relaxed);
		return;
	}
	_Atomic uint64_t *own = &m->slot[worker].cell[cell];
	atomic_store_explicit(own, atomic_load_explicit(own, memory_order_relaxed) + n, memory_order_relaxed);
}

void vr_metric_add_at(struct vr_metrics *m, int worker, enum vr_m id, unsigned cell, uint64_t n)
{
	VR_ASSERT(metrics[id].type == VR_M_COUNTER && cell < cells_of(&metrics[id]));
	raise_cell(m, worker, m->at[id] + cell, n);
}

void vr_metric_observe(struct vr_metrics *m, int worker, enum vr_m id, uint64_t micros)
{
	size_t i = 0;
	VR_ASSERT(metrics[id].type == VR_M_HISTOGRAM);
	while (i < BOUNDS && micros > bound_micros[i])
		i++;
	raise_cell(m, worker, m->at[id] + i, 1);
	raise_cell(m, worker, m->at[id] + BOUNDS + 1, micros);
}

uint64_t vr_metric_sum(const struct vr_metrics *m, enum vr_m id, unsigned cell)
{
	uint64_t sum = 0;
	VR_ASSERT(is_summed(metrics[id].type) && cell < cells_of(&metrics[id]));
	for (int w = 0; w <= m->workers; w++)
		sum += atomic_load_explicit(&m->slot[w].cell[m->at[id] + cell], memory_order_relaxed);
	return sum;
}

/* ------------------------------------------------ gauges ------------------------------- */

void vr_metric_set_at(struct vr_metrics *m, enum vr_m id, unsigned cell, double value)
{
	VR_ASSERT(!is_summed(metrics[id].type) && cell < cells_of(&metrics[id]));
	atomic_store_explicit(&m->gauge[m->at[id] + cell], value, memory_order_relaxed);
}

/* The index of a series, or where it would go. */
static size_t find_series(const struct vr_metrics *m, enum vr_m id, const char *labels, bool *ret_there)
{
	size_t lo = 0, hi = m->n_series;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct series *s = &m->series[mid];
		int c = s->id != id ? (s->id < id ? -1 : 1) : strcmp(s->labels, labels);
		if (c == 0) {
			*ret_there = true;
			return mid;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*ret_there = false;
	return lo;
}

static void insert_series(struct vr_metrics *m, size_t at, struct series s)
{
	struct series *more = vr_mem_grow(m->series, m->n_series, &m->cap_series, sizeof(*more));
	if (!more) {
		free(s.labels);
		return;
	}
	m->series = more;
	memmove(m->series + at + 1, m->series + at, (m->n_series - at) * sizeof(s));
	m->series[at] = s;
	m->n_series++;
}

static void remove_series(struct vr_metrics *m, size_t at)
{
	free(m->series[at].labels);
	m->n_series--;
	memmove(m->series + at, m->series + at + 1, (m->n_series - at) * sizeof(m->series[0]));
}

/* The text format's own escapes: backslash, quote, newline. */
static void add_label_value(struct vr_buf *b, struct vr_str value)
{
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];
		if (c == '\\' || c == '"' || c == '\n')
			vr_buf_byte(b, '\\');
		vr_buf_byte(b, c == '\n' ? 'n' : (unsigned char)c);
	}
}

static void render_labels(const struct vr_label *labels, size_t n, struct vr_buf *b)
{
	for (size_t i = 0; i < n; i++) {
		vr_buf_c(b, i ? "," : "");
		vr_buf_c(b, labels[i].name);
		vr_buf_c(b, "=\"");
		add_label_value(b, labels[i].value);
		vr_buf_byte(b, '"');
	}
	vr_buf_byte(b, '\0');
}

static void set_series(struct vr_metrics *m, enum vr_m id, const char *labels, double value)
{
	bool there;
	size_t at = find_series(m, id, labels, &there);
	if (there && isnan(value)) {
		remove_series(m, at);
	} else if (there) {
		m->series[at].value = value;
	} else if (!isnan(value)) {
		struct series s = {id, strdup(labels), value};
		if (s.labels)
			insert_series(m, at, s);
	}
}

void vr_metric_series_clear(struct vr_metrics *m, enum vr_m id)
{
	pthread_mutex_lock(&m->lock);
	for (size_t i = m->n_series; i-- > 0;)
		if (m->series[i].id == id)
			remove_series(m, i);
	pthread_mutex_unlock(&m->lock);
}

void vr_metric_series(
	struct vr_metrics *m, enum vr_m id, const struct vr_label *labels, size_t n, double value)
{
	struct vr_mem mem = vr_mem_heap();
	struct vr_buf b;
	vr_buf_init(&b, &mem);
	render_labels(labels, n, &b);
	if (!b.failed) {
		pthread_mutex_lock(&m->lock);
		set_series(m, id, b.p, value);
		pthread_mutex_unlock(&m->lock);
	}
	vr_buf_done(&b);
}
