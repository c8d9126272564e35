/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* letters.h - dead letters: refused records, as they came, with the reason in Kafka Connect's headers.
 *
 *     send ─> librdkafka ─> acknowledged          settle waits for that, before the cut that passes the records
 *                        └> failed for good       settle says so once to each partition: its records are
 *                                             folded, and sent, again
 *
 * Threads: send and settle by one; acknowledgements come from whichever thread polls the producer.             */
#include <stdatomic.h>

#include "virality/kafka.h"

struct vr_letters {
	struct vr_producer *producer;		/* keeps; NULL: letters are only counted */
	struct vr_str topic;			/* "<topic>" stands for the record's own; empty: nowhere */
	struct vr_str client_id;
	int task;				/* number of the worker */
	struct vr_mem mem;
	const _Atomic bool *stop;		/* keeps: give up waiting for room in the queue */
	/** One is safe now. Any thread. */
	void (*written)(void *ctx);
	void *ctx;
	_Atomic int64_t open, failed;		/* failed: ever */
};
void vr_letters_send(struct vr_letters *l, const struct vr_topic_part *part, const struct vr_feed_item *item, enum vr_err why,
	const char *what);
/** VR_E_DLQ: some are not acknowledged yet; VR_E_LOST_LINK: more than *known failed, perhaps of this partition (*known is
 * raised). */
VR_MUST enum vr_err vr_letters_settle(struct vr_letters *l, int64_t *known);
