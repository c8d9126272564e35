/* SPDX-License-Identifier: Apache-2.0 */
#include <hiredis.h>
#include <stdlib.h>
#include "reader.h"

#if HIREDIS_MAJOR == 0 && (HIREDIS_MINOR < 14 || (HIREDIS_MINOR == 14 && HIREDIS_PATCH < 1))
#error "hiredis 0.14.1 or newer is needed"
#endif

/* Lengths became size_t in 1.0, and two kinds of objects of RESP3 came. */
#if HIREDIS_MAJOR == 0
typedef int elements_t;
#else
typedef size_t elements_t;
#endif

/* A server that announces more is not answering us; without a limit one line could ask for all memory. */
#define ELEMENTS_MAX (1U << 24)
/* hiredis 0.14 goes no deeper; newer ones would, and whoever walks a tree recurses. */
#define DEPTH_MAX 7

struct vr_reader {
	redisReader *parser;
	redisReplyObjectFunctions functions;
	struct vr_arena *arena;		/* borrows, during take */
	struct vr_reply *root;		/* borrows: slot of the reply being parsed */
	bool within;			/* a reply has begun and has not ended */
	bool absurd;			/* longer or deeper than a reply can be */
};

static struct vr_reply *slot_of(const redisReadTask *task)
{
	struct vr_reader *r = task->privdata;
	struct vr_reply *up = task->parent ? task->parent->obj : NULL;

	return up ? &up->elem[task->idx] : r->root;
}

static struct vr_reply *write_slot(const redisReadTask *task, struct vr_reply value)
{
	struct vr_reply *slot = slot_of(task);

	*slot = value;
	return slot;
}

static enum vr_reply_type type_of(int type)
{
	switch (type) {
	case REDIS_REPLY_STATUS:
		return VR_REPLY_STATUS;
	case REDIS_REPLY_ERROR:
		return VR_REPLY_ERROR;
	default:
		return VR_REPLY_STR;
	}
}

static void *create_string(const redisReadTask *task, char *p, size_t n)
{
	struct vr_reader *r = task->privdata;
	char *copy = vr_arena_alloc(r->arena, n + 1);

	if (!copy)
		return NULL;
	memcpy(copy, p, n);
	copy[n] = '\0';
	return write_slot(task, (struct vr_reply){.type = type_of(task->type), .str = {copy, n}});
}

static size_t depth_of(const redisReadTask *task)
{
	size_t n = 0;

	for (const redisReadTask *up = task->parent; up; up = up->parent)
		n++;
	return n;
}

static void *create_array(const redisReadTask *task, elements_t elements)
{
	struct vr_reader *r = task->privdata;
	size_t n = (size_t)elements;
	struct vr_reply *elem;

	r->absurd = n > ELEMENTS_MAX || depth_of(task) > DEPTH_MAX;
	if (r->absurd)
		return NULL;
	elem = vr_arena_alloc(r->arena, n * sizeof(*elem));
	if (!elem)
		return NULL;
	if (n > 0)
		memset(elem, 0, n * sizeof(*elem));
	return write_slot(task, (struct vr_reply){.type = VR_REPLY_ARRAY, .elem = elem, .n = n});
}

static void *create_integer(const redisReadTask *task, long long value)
{
	return write_slot(task, (struct vr_reply){.type = VR_REPLY_INT, .integer = value});
}

static void *create_nil(const redisReadTask *task)
{
	return write_slot(task, (struct vr_reply){.type = VR_REPLY_NIL});
}

/* The arena frees. */
static void free_nothing(void *reply)
{
	(void)reply;
}

#if HIREDIS_MAJOR >= 1
/* Only RESP3 has these, which is never asked for; hiredis wants the functions all the same. */
static void *create_double(const redisReadTask *task, double value, char *p, size_t n)
{
	(void)value;
	return create_string(task, p, n);
}

static void *create_bool(const redisReadTask *task, int value)
{
	return create_integer(task, value);
}
#endif

struct vr_reader *vr_reader_new(void)
{
	struct vr_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->functions = (redisReplyObjectFunctions){
		.createString = create_string,
		.createArray = create_array,
		.createInteger = create_integer,
#if HIREDIS_MAJOR >= 1
		.createDouble = create_double,
		.createBool = create_bool,
#endif
		.createNil = create_nil,
		.freeObject = free_nothing,
	};
	r->parser = redisReaderCreateWithFunctions(&r->functions);
	if (!r->parser) {
		free(r);
		return NULL;
	}
	r->parser->privdata = r;
	return r;
}

void vr_reader_free(struct vr_reader *r)
{
	if (!r)
		return;
	redisReaderFree(r->parser);
	free(r);
}

static enum vr_err trouble(const struct vr_reader *r)
{
	return r->parser->err == REDIS_ERR_OOM && !r->absurd ? VR_E_NOMEM : VR_E_LOST_LINK;
}

enum vr_err vr_reader_feed(struct vr_reader *r, const char *p, size_t n)
{
	return redisReaderFeed(r->parser, p, n) == REDIS_OK ? VR_OK : trouble(r);
}

enum vr_err vr_reader_take(struct vr_reader *r, struct vr_arena *arena, struct vr_replies *ret, size_t *got)
{
	r->arena = arena;
	while (*got < ret->n && !vr_reader_empty(r)) {
		void *reply = NULL;
		r->root = &ret->at[*got];
		if (redisReaderGetReply(r->parser, &reply) != REDIS_OK)
			return trouble(r);
		r->within = !reply;
		if (!reply)
			break;
		++*got;
	}
	return VR_OK;
}

size_t vr_reader_skip_queued(const struct vr_reader *r, const char *p, size_t n, struct vr_replies *ret, size_t *got)
{
	static const char line[] = "+QUEUED\r\n";
	const size_t length = sizeof(line) - 1;
	const struct vr_reply queued = {.type = VR_REPLY_STATUS, .str = VR_STR("QUEUED")};
	size_t at = 0;

	if (r->within || !vr_reader_empty(r))
		return 0;
	for (; *got < ret->n && n - at >= length && memcmp(p + at, line, length) == 0; at += length)
		ret->at[(*got)++] = queued;
	return at;
}

bool vr_reader_empty(const struct vr_reader *r)
{
	return r->parser->pos == r->parser->len;
}

const char *vr_reader_complaint(const struct vr_reader *r)
{
	return r->absurd ? "an array of absurd length or depth" : r->parser->errstr;
}
