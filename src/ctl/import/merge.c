/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"

/* A source and the event it would give next. */
struct lane {
	struct vr_source source;
	struct vr_event ev;
	bool more;
};

struct vr_import {
	struct vr_mem *mem;
	struct vr_import_config config;
	struct vr_import_facts facts;
	struct lane *lanes;
	size_t n;
	struct lane *last;		/* whose event was given: it moves on before the next is chosen */
};

static enum vr_err open_lane(struct vr_import *imp, const char *name, struct vr_diag *d)
{
	struct lane *lane = &imp->lanes[imp->n];
	enum vr_err err;

	imp->n++;
	err = vr_source_open(&lane->source, imp->mem, &imp->config, name, d);
	if (!err)
		err = vr_source_scan(&lane->source, &imp->facts, d);
	if (!err)
		err = vr_source_next(&lane->source, &lane->ev, &lane->more, d);
	return err;
}

static enum vr_err open_all(struct vr_import *imp, struct vr_diag *d)
{
	size_t bytes = imp->config.n_files * sizeof(*imp->lanes);

	imp->lanes = vr_mem_get(imp->mem, bytes);
	if (!imp->lanes)
		return VR_E_NOMEM;
	memset(imp->lanes, 0, bytes);
	for (size_t i = 0; i < imp->config.n_files; i++) {
		enum vr_err err = open_lane(imp, imp->config.files[i], d);

		if (err)
			return err;
	}
	return VR_OK;
}

enum vr_err vr_import_new(struct vr_mem *mem, const struct vr_import_config *config, struct vr_import **ret,
	struct vr_diag *d)
{
	struct vr_import *imp = vr_mem_get(mem, sizeof(*imp));
	enum vr_err err;

	if (!imp)
		return VR_E_NOMEM;
	*imp = (struct vr_import){.mem = mem, .config = *config};
	err = open_all(imp, d);
	if (err) {
		vr_import_free(imp);
		return err;
	}
	*ret = imp;
	return VR_OK;
}

void vr_import_free(struct vr_import *imp)
{
	if (!imp)
		return;
	for (size_t i = 0; i < imp->n; i++)
		vr_source_close(&imp->lanes[i].source);
	vr_mem_put(imp->mem, imp->lanes, imp->config.n_files * sizeof(*imp->lanes));
	vr_mem_put(imp->mem, imp, sizeof(*imp));
}

const struct vr_import_facts *vr_import_facts(const struct vr_import *imp)
{
	return &imp->facts;
}

/* Files are few: a walk over them finds the earliest, the first of equals. */
static struct lane *earliest(struct vr_import *imp)
{
	struct lane *best = NULL;

	for (size_t i = 0; i < imp->n; i++) {
		struct lane *lane = &imp->lanes[i];

		if (lane->more && (!best || lane->ev.event_time.ms < best->ev.event_time.ms))
			best = lane;
	}
	return best;
}

enum vr_err vr_import_next(struct vr_import *imp, struct vr_event *ret_ev, bool *ret_more, struct vr_diag *d)
{
	enum vr_err err = VR_OK;

	if (imp->last)
		err = vr_source_next(&imp->last->source, &imp->last->ev, &imp->last->more, d);
	if (err)
		return err;
	imp->last = earliest(imp);
	*ret_more = imp->last != NULL;
	if (imp->last)
		*ret_ev = imp->last->ev;
	return VR_OK;
}
