/* SPDX-License-Identifier: Apache-2.0 */
/* table.c - metrics.def and its label sets as data. */
#include "registry.h"

const struct metric metrics[_VR_M_MAX] = {
#define VR_M(id, type, labels, name, help) [VR_M_##id] = {name, help, VR_M_##type, VR_L_##labels},
#include "virality/metrics.def"
#undef VR_M
};

const uint64_t bound_micros[BOUNDS] = {
	1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};

static const char *error_name(unsigned cell) { return vr_err_name((enum vr_err)cell); }

static const char *rebalance_name(unsigned cell)
{
	static const char *const name[] = {"assigned", "revoked", "lost"};
	return name[cell];
}

static const char *part_state_name(unsigned cell)
{
	static const char *const name[] = {"acquiring", "running", "waiting", "stopped"};
	return name[cell];
}

static const char *alert_state_name(unsigned cell)
{
	static const char *const name[] = {"pending", "firing"};
	return name[cell];
}

static bool is_poison(unsigned cell) { return vr_err_verdict((enum vr_err)cell) == VR_VERDICT_POISON; }
static bool is_rewind(unsigned cell) { return vr_err_verdict((enum vr_err)cell) == VR_VERDICT_REWIND; }
static bool is_of_peer(unsigned cell)
{
	return cell == VR_E_LOST_LINK ||
		   (vr_err_verdict((enum vr_err)cell) == VR_VERDICT_RETRY && cell != VR_E_DLQ);
}
static bool is_any(unsigned cell) { (void)cell; return true; }

const struct label_set label_sets[_VR_L_MAX] = {
	[VR_L_NONE] = {"", 1, NULL, is_any},
	[VR_L_REASON] = {"reason", _VR_ERR_MAX, error_name, is_poison},
	[VR_L_KIND] = {"reason", _VR_ERR_MAX, error_name, is_rewind},
	[VR_L_REDIS_KIND] = {"kind", _VR_ERR_MAX, error_name, is_of_peer},
	[VR_L_REBALANCE] = {"type", _VR_L_REBALANCES, rebalance_name, is_any},
	[VR_L_PART_STATE] = {"state", _VR_L_PART_STATES, part_state_name, is_any},
	[VR_L_ALERT_STATE] = {"state", _VR_L_ALERT_STATES, alert_state_name, is_any},
	[VR_L_PARTITION] = {"topic,partition", 0, NULL, is_any},
	[VR_L_BUILD] = {"version,librdkafka,hiredis", 0, NULL, is_any},
};

const char *vr_metric_cell(enum vr_m id, unsigned cell)
{
	const struct label_set *set = &label_sets[metrics[id].labels];
	return set->name && cell < set->n ? set->name(cell) : NULL;
}

bool is_summed(enum vr_m_type type) { return type == VR_M_COUNTER || type == VR_M_HISTOGRAM; }
