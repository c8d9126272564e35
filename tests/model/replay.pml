/* SPDX-License-Identifier: Apache-2.0 */
/* replay.pml - protocol P with a replay, a switch, an undo, and what has been said (README.md explains it).
 *
 * One log of N records per partition. Two databases, live and spare, which a switch swaps; a third, of alerts, which
 * stays. Generation A (name 0) begins as the live one, B (name 1) as the shadow. Every step below is one exchange
 * with Redis or one record folded; whoever may die dies between any two of them, any number of times.
 *
 * -D what is there:   NP partitions, NL live owners of each, SWAPS at most, CHANGED (B has other rules), LOSS (Redis
 *                     loses a suffix once), DECIDE (the clock decides on record K), PUB (the publisher instead of owners)
 * -D what is right:   all 1 by default; 0 takes it out
 */
#ifndef NP
#define NP 1
#endif
#ifndef NL
#define NL 2
#endif
#ifndef SWAPS
#define SWAPS 3
#endif
#ifndef CHANGED
#define CHANGED 0
#endif
#ifndef LOSS
#define LOSS 0
#endif
#ifndef DECIDE
#define DECIDE 0
#endif
#ifndef PUB
#define PUB 0
#endif
#ifndef LETTERS
#define LETTERS 1	/* no dead letter below the highest offset ever cut: 0 lets a search go on to what becomes of alerts */
#endif
#ifndef EQUALS
#define EQUALS 1	/* live and spare at the same offset hold the same: 0 likewise */
#endif
#ifndef STEPS
#define STEPS 0		/* each exchange its own step */
#endif
#ifndef N
#define N 6		/* records */
#endif
#define ALERTS 4

#ifndef FRESH
#define FRESH 1		/* a switch writes a fresh token and seq 0 into what it makes live */
#endif
#ifndef RAISE
#define RAISE 1		/* a switch raises said.off to live.off */
#endif
#ifndef RAISE_CUT
#define RAISE_CUT 1	/* so does every cut */
#endif
#ifndef WATCH_LIVE
#define WATCH_LIVE 1	/* a switch WATCHes the live owner records too, not only the shadow's */
#endif
#ifndef CHECK
#define CHECK 1		/* a switch compares shadow.off with live.off */
#endif
#ifndef BOUND
#define BOUND 1		/* a replay folds up to the live.off that the connection read on which it WATCHes */
#endif
#ifndef BOUND_KEPT
#define BOUND_KEPT 0	/* instead: it keeps the bound it once read, on whatever connection */
#endif
#ifndef RECONNECT
#define RECONNECT 1	/* replay and publisher drop what they read over a connection that is gone */
#endif
#ifndef CARRY
#define CARRY 1		/* a switch carries over what live decided between shadow.off and live.off */
#endif
#ifndef ADOPT
#define ADOPT 1		/* at said.off a pending alert that nobody was told of is taken among those that may be told */
#endif
#ifndef SILENT
#define SILENT 1	/* below said.off no alert leaves the fold */
#endif

#define LIVE 0
#define SPARE 1
#define K 3		/* the record on which the clock decides */
#define NONE 7		/* a content that is not loaded */
#define OWNERS (NP * NL)
#define SWITCHER (OWNERS + NP)
#define CLIENTS (SWITCHER + 1)
#define AT(d, p) ((d) * NP + (p))

/* ------------------------------------------------ the fold ------------------------------ */

/* Record i is about content i % 2; a refused one (ref 2) counts nowhere. */
#define FOLD0(off) (((off) + 1) / 2)
#define FOLD1(off, ref) ((off) / 2 - ((off) > K && (ref) == 2))

/* Four alerts: 0 of a rule that only A has, 1 and 3 of rules that both have, 2 of a rule that only B has. Each begins at a record,
 * fires at one, ends at one. State after the first `off` records: 0 absent, 1 pending, 2 firing, 3 over. */
#define BEGIN(x) ((x) == 0 -> 0 : ((x) == 2 -> 2 : 1))
#define FIRE(x, ref) ((x) == 0 -> 2 : ((x) == 1 -> ((ref) == 2 -> 4 : 3) : ((x) == 2 -> 3 : 1)))
#define END(x) ((x) == 1 -> N : ((x) == 2 -> 5 : 4))
#define LIFE(x, off, ref) ((off) <= BEGIN(x) -> 0 : ((off) <= FIRE(x, ref) -> 1 : ((off) <= END(x) -> 2 : 3)))
#define HAS(x, name) ((x) == 1 || (x) == 3 || ((x) == 0 && !(CHANGED && (name) == 1)) || ((x) == 2 && CHANGED && (name) == 1))
#define STATE(x, name, off, ref) (HAS(x, name) -> LIFE(x, off, ref) : 0)
#define OPEN(v) ((v) == 1 || (v) == 2)

/* ------------------------------------------------ Redis --------------------------------- */

typedef Gen {		/* what a cut writes of a partition */
	byte name; byte own; byte off; byte c0; byte c1;
	byte ref;	/* of record K: 0 not reached, 1 taken, 2 refused */
	byte note	/* the same, carried over by a switch for when it is reached */
}
typedef Told {		/* the database of alerts, and what the checks remember of this history of Redis */
	byte off; byte s[ALERTS];	/* said: 0, 1 pending, 2 firing */
	byte f[ALERTS]; byte r[ALERTS];	/* entries of the stream: firing, resolved */
	byte top;		/* highest offset ever cut live */
	byte by[6]		/* 1 + name of the generation that cut a record live first */
}
typedef Mem { byte off; byte s[ALERTS]; byte bound; byte noted }	/* what an owner knows of `said`, a replay of live */

Gen g[2 * NP];
Told a[NP];
Mem mem[OWNERS + NP];
byte w[CLIENTS];	/* WATCH of a client: 0 none, 1 clean, 2 dirty */
bool gone[NP];		/* the replay's connection is */
byte swaps;
#if LOSS
Gen gs[2 * NP], none;		/* what is on the disk */
Told as[NP], unsaid;
#endif
#if PUB
byte pown[2]; byte pview[2];	/* whether the publisher holds the record; whose partials are merged in the views */
byte ps_own[2]; byte ps_view[2];
byte pw; bool pgone;
#endif

inline copy_gen(to, from) {
	to.name = from.name; to.own = from.own; to.off = from.off;
	to.c0 = from.c0; to.c1 = from.c1; to.ref = from.ref; to.note = from.note
}

inline copy_told(to, from) {
	to.off = from.off; to.top = from.top;
	to.s[0] = from.s[0]; to.s[1] = from.s[1]; to.s[2] = from.s[2]; to.s[3] = from.s[3];
	to.f[0] = from.f[0]; to.f[1] = from.f[1]; to.f[2] = from.f[2]; to.f[3] = from.f[3];
	to.r[0] = from.r[0]; to.r[1] = from.r[1]; to.r[2] = from.r[2]; to.r[3] = from.r[3];
	to.by[0] = from.by[0]; to.by[1] = from.by[1]; to.by[2] = from.by[2]; to.by[3] = from.by[3];
	to.by[4] = from.by[4]; to.by[5] = from.by[5]
}

/* A pair (token, seq) is written once in all of time, so all that matters of it is in whose memory it is: own is 1 + that
 * client, or 0. A client whose pair is nowhere can never write again, and what it remembers does not matter. */
#define HELD(db, p, me) (g[AT(db, p)].own == 1 + (me))

inline drop_pair(p, me) {
	if :: HELD(LIVE, p, me) -> g[AT(LIVE, p)].own = 0 :: else -> skip fi;
	if :: HELD(SPARE, p, me) -> g[AT(SPARE, p)].own = 0 :: else -> skip fi;
#if LOSS
	if :: gs[AT(LIVE, p)].own == 1 + me -> gs[AT(LIVE, p)].own = 0 :: else -> skip fi;
	if :: gs[AT(SPARE, p)].own == 1 + me -> gs[AT(SPARE, p)].own = 0 :: else -> skip fi
#endif
}

#if LOSS
#define STALE(p, me) (!HELD(LIVE, p, me) && !HELD(SPARE, p, me) && gs[AT(LIVE, p)].own != 1 + (me) && gs[AT(SPARE, p)].own != 1 + (me))
#else
#define STALE(p, me) (!HELD(LIVE, p, me) && !HELD(SPARE, p, me))
#endif

inline sweep_one(p, me) {
	if
	:: STALE(p, me) && w[me] == 0 ->
		mem[me].off = 0; mem[me].s[0] = 0; mem[me].s[1] = 0; mem[me].s[2] = 0; mem[me].s[3] = 0;
		if :: BOUND_KEPT -> skip :: else -> mem[me].bound = 0; mem[me].noted = 0 fi
	:: else -> skip
	fi
}

inline sweep(p) {
	sweep_one(p, p * NL);
	if :: NL > 1 -> sweep_one(p, p * NL + NL - 1) :: else -> skip fi;
	sweep_one(p, OWNERS + p)
}

inline write_pair(db, p, me) {
	drop_pair(p, me);
	g[AT(db, p)].own = 1 + me;
	touch(db, p);
	sweep(p)
}

#define TAINT(c) w[c] = (w[c] == 1 -> 2 : w[c])

/* Somebody wrote the owner record of p in database d. */
inline touch(d, p) {
	if
	:: d == LIVE ->
		TAINT(p * NL);
		if :: NL > 1 -> TAINT(p * NL + NL - 1) :: else -> skip fi;
		if :: WATCH_LIVE -> TAINT(SWITCHER) :: else -> skip fi
	:: else ->
		TAINT(OWNERS + p);
		TAINT(SWITCHER)
	fi
}

inline touch_all() {
	j = 0;
	do
	:: j < CLIENTS -> TAINT(j); j++
	:: else -> break
	od;
	j = 0
}

/* Every reader of a database sees the fold of the log, whatever was written last; and equal offsets, equal folds. */
inline check(p) {
	assert(g[AT(LIVE, p)].c0 == FOLD0(g[AT(LIVE, p)].off));	/* EXACT */
	assert(g[AT(LIVE, p)].c1 == FOLD1(g[AT(LIVE, p)].off, g[AT(LIVE, p)].ref));	/* EXACT */
	assert(g[AT(SPARE, p)].c0 == FOLD0(g[AT(SPARE, p)].off));	/* EXACT */
	assert(g[AT(SPARE, p)].c1 == FOLD1(g[AT(SPARE, p)].off, g[AT(SPARE, p)].ref));	/* EXACT */
	assert(g[AT(LIVE, p)].name != g[AT(SPARE, p)].name);	/* MIX */
	assert(g[AT(LIVE, p)].name == g[AT(LIVE, 0)].name);	/* MIX */
	assert(!EQUALS || !(g[AT(LIVE, p)].off > K && g[AT(SPARE, p)].off > K) || g[AT(LIVE, p)].ref == g[AT(SPARE, p)].ref)	/* EQUAL */
}

/* ------------------------------------------------ what is said in a cut ----------------- */

/* Alert x went from one state to another at record i; mem is what the owner knows of what was said. */
inline tell(p, me, x) {
	from = STATE(x, name, i, ref); to = STATE(x, name, (i + 1), ref);
	if
	:: from != to && (from == 0 || mem[me].s[x] != 0) ->
		if
		:: to == 2 ->
			printf("      alert %d fires at %d\n", x, i);
			assert(i >= a[p].top);	/* SILENCE */
			a[p].f[x]++; assert(a[p].f[x] == 1);	/* TWICE */
			mem[me].s[x] = 2
		:: to == 3 ->
			printf("      alert %d is over at %d\n", x, i);
			if
			:: from == 2 ->
				a[p].r[x]++; assert(a[p].r[x] == 1);	/* TWICE */
				assert(a[p].f[x] == 1)	/* END OF NOTHING */
			:: else -> skip
			fi;
			mem[me].s[x] = 0
		:: else -> mem[me].s[x] = to
		fi;
		a[p].s[x] = mem[me].s[x]
	:: else -> skip
	fi;
	from = 0; to = 0
}

/* What was said meets what the fold knows at offset i. */
inline settle(p, me, x) {
	if
	:: mem[me].s[x] != 0 && !OPEN(STATE(x, name, i, ref0)) ->
		if
		:: mem[me].s[x] == 2 ->
			printf("      alert %d is not in the fold at %d: resolved, reason switch\n", x, i);
			a[p].r[x]++; assert(a[p].r[x] == 1)	/* TWICE */
		:: else -> printf("      alert %d is not in the fold at %d: no longer pending\n", x, i)
		fi;
		mem[me].s[x] = 0; a[p].s[x] = 0
	:: ADOPT && mem[me].s[x] == 0 && STATE(x, name, i, ref0) == 1 -> mem[me].s[x] = 1; a[p].s[x] = 1
	:: else -> skip
	fi
}

#define UNSETTLED(x) ((mem[me].s[x] != 0 && !OPEN(STATE(x, name, base, ref0))) || (ADOPT && mem[me].s[x] == 0 && STATE(x, name, base, ref0) == 1))

/* The alerts of records base .. off - 1, in order. */
inline say(p, me) {
	i = base;
	if :: i >= mem[me].off -> settle(p, me, 0); settle(p, me, 1); settle(p, me, 2); settle(p, me, 3) :: else -> skip fi;
	do
	:: i < off ->
		if
		:: i >= mem[me].off || !SILENT ->
			tell(p, me, 0);
			tell(p, me, 1);
			tell(p, me, 2);
			tell(p, me, 3)
		:: else -> skip
		fi;
		i++;
		if :: i == mem[me].off -> settle(p, me, 0); settle(p, me, 1); settle(p, me, 2); settle(p, me, 3) :: else -> skip fi
	:: else -> break
	od;
	i = base
}

/* All records are cut: each alert that fired at a record first cut by a generation with its rule was said once, and
 * has its end if the fold has ended it or does not know it. */
inline check_end(p, x) {
	u = a[p].by[FIRE(x, ref)] != 0 && HAS(x, a[p].by[FIRE(x, ref)] - 1);
	assert(!u || a[p].f[x] == 1);	/* LOST */
	assert(u || a[p].f[x] == 0);	/* UNDUE */
	assert(a[p].r[x] <= a[p].f[x]);	/* END OF NOTHING */
	assert(a[p].f[x] == 0 || STATE(x, name, N, ref) == 2 || a[p].r[x] == 1);	/* NO END */
	assert(CHANGED || STATE(x, name, N, ref) != 2 || a[p].r[x] == 0);	/* UNDUE END */
	u = false
}

/* ------------------------------------------------ an owner, a replay -------------------- */

/* Without STEPS what P makes one step is one step: WATCH, read and EXEC (which runs only if nothing watched was written
 * since) as a comparison in the EXEC, and a load, validated by the same pair, as a load then. With STEPS each is its own. */

#define NOTHING name = 0; base = 0; off = 0; c0 = NONE; c1 = NONE; d = 0; ref = 0; ref0 = 0; note = 0; i = 0
#define REFUSED (off == K + 1 && ref == 2)
#define UNSETTLED(x) ((mem[me].s[x] != 0 && !OPEN(STATE(x, name, base, ref0))) || (ADOPT && mem[me].s[x] == 0 && STATE(x, name, base, ref0) == 1))
#define WORTH_A_CUT (off > base || (base >= mem[me].off && (UNSETTLED(0) || UNSETTLED(1) || UNSETTLED(2) || UNSETTLED(3))))
#define TO_SETTLE(x) ((mem[me].s[x] != 0 && !OPEN(STATE(x, g[AT(LIVE, p)].name, N, g[AT(LIVE, p)].ref))))
#define SETTLES (g[AT(LIVE, p)].off >= mem[me].off && (TO_SETTLE(0) || TO_SETTLE(1) || TO_SETTLE(2) || TO_SETTLE(3)))
#define LIMIT (BOUND -> mem[me].bound : N)

inline remember(db, p) {
	name = g[AT(db, p)].name; base = g[AT(db, p)].off; off = base; ref = g[AT(db, p)].ref; ref0 = ref; note = g[AT(db, p)].note
}

inline remember_said(p, me) {
	mem[me].off = a[p].off; mem[me].s[0] = a[p].s[0]; mem[me].s[1] = a[p].s[1]; mem[me].s[2] = a[p].s[2]; mem[me].s[3] = a[p].s[3];
	assert(!LETTERS || a[p].off >= a[p].top || g[AT(LIVE, p)].off >= a[p].top);	/* LETTER */
	printf("owner %d reads %c at %d, said.off %d\n", me, 'A' + g[AT(LIVE, p)].name, g[AT(LIVE, p)].off, a[p].off)
}

/* Load what record `off` is about, unless it is there, validated in the same transaction; then fold it. */
inline fold(db, p, me) {
	ok = true;
	if
	:: off == K && ref == 2 -> skip
	:: else ->
		if
		:: off % 2 == 0 && c0 == NONE -> ok = HELD(db, p, me); c0 = g[AT(db, p)].c0
		:: off % 2 == 1 && c1 == NONE -> ok = HELD(db, p, me); c1 = g[AT(db, p)].c1
		:: else -> skip
		fi;
		if :: off % 2 == 0 -> c0++; d = d | 1 :: else -> c1++; d = d | 2 fi
	fi;
	off++
}

/* A live owner's record: the clock decides on K, unless another owner's decision was carried over. */
inline take_live(p, me) {
	if
	:: off == K && note != 0 -> ref = note
	:: off == K && note == 0 -> ref = 1
	:: DECIDE && off == K && note == 0 -> ref = 2
	:: else -> skip
	fi;
	d_step {
		fold(LIVE, p, me);
		if
		:: REFUSED -> printf("owner %d refuses record %d\n", me, K)
		:: else -> printf("owner %d folds record %d\n", me, off - 1)
		fi
	}
}

/* A replay's: what live decided. */
inline take_shadow(p, me) {
	d_step {
		if :: off == K -> ref = (mem[me].noted == 0 -> 1 : mem[me].noted) :: else -> skip fi;
		fold(SPARE, p, me);
		if
		:: REFUSED -> printf("replay of %d refuses record %d\n", p, K)
		:: else -> printf("replay of %d folds record %d\n", p, off - 1)
		fi
	}
}

inline write(db, p, me) {
	g[AT(db, p)].off = off; g[AT(db, p)].ref = ref;
	if :: d & 1 -> g[AT(db, p)].c0 = c0 :: else -> skip fi;
	if :: d & 2 -> g[AT(db, p)].c1 = c1 :: else -> skip fi;
	write_pair(db, p, me);
	check(p);
#if STEPS
	base = off; d = 0; ref0 = ref; i = 0
#else
	NOTHING
#endif
}

inline cut_live(p, me) {
	d_step {
		w[me] = 0;
		printf("owner %d cuts %c %d -> %d\n", me, 'A' + name, base, off);
		say(p, me);
		do
		:: i < off ->
			if :: a[p].by[i] == 0 -> a[p].by[i] = 1 + (CHANGED && name) :: else -> skip fi;
			i++
		:: else -> break
		od;
		if :: RAISE_CUT && off > mem[me].off -> mem[me].off = off; a[p].off = off :: else -> skip fi;
		if :: off > a[p].top -> a[p].top = off :: else -> skip fi;
		if :: off == N -> check_end(p, 0); check_end(p, 1); check_end(p, 2); check_end(p, 3) :: else -> skip fi;
		write(LIVE, p, me)
	}
}

inline cut_shadow(p, me) {
	d_step {
		w[me] = 0;
		printf("replay of %d cuts %c %d -> %d\n", p, 'A' + name, base, off);
		write(SPARE, p, me)
	}
}

inline read_bound(p, me) {
	mem[me].bound = g[AT(LIVE, p)].off; mem[me].noted = g[AT(LIVE, p)].ref;
	printf("replay of %d may fold up to %d\n", p, mem[me].bound)
}

#if !STEPS
/* Whoever dies is as one who does no more until it acquires again. */
proctype Live(byte p; byte me) {
	byte name, base, off, c0, c1, d, ref, ref0, note, i, j, from, to;
	bool ok, u;
end:
	do
	:: d_step {
		NOTHING;
		drop_pair(p, me); sweep(p);
		remember_said(p, me);
		write_pair(LIVE, p, me) }
	:: atomic { HELD(LIVE, p, me) && (g[AT(LIVE, p)].off < N || SETTLES) ->
		remember(LIVE, p);
		do
		:: off < N -> take_live(p, me)
		:: WORTH_A_CUT -> break
		od;
		ok = false;
		cut_live(p, me) }
	od
}

proctype Replay(byte p; byte me) {
	byte name, base, off, c0, c1, d, ref, ref0, note, i, j;
	bool ok, u;
end:
	do
	:: d_step {
		NOTHING;
		drop_pair(p, me); sweep(p);
		gone[p] = false;
		printf("replay of %d reads %c at %d\n", p, 'A' + g[AT(SPARE, p)].name, g[AT(SPARE, p)].off);
		write_pair(SPARE, p, me) }
	:: d_step { gone[p] && !RECONNECT -> gone[p] = false }
	:: d_step { !gone[p] && BOUND && !STALE(p, me) && mem[me].bound < g[AT(LIVE, p)].off -> read_bound(p, me) }
	:: atomic { !gone[p] && HELD(SPARE, p, me) && g[AT(SPARE, p)].off < LIMIT ->
		remember(SPARE, p);
		do
		:: off < LIMIT -> take_shadow(p, me)
		:: off > base -> break
		od;
		ok = false;
		cut_shadow(p, me) }
	od
}
#endif

#if STEPS
#define FORGET NOTHING; ok = false; w[me] = 0; drop_pair(p, me); sweep(p)

proctype Live(byte p; byte me) {
	byte name, base, off, c0, c1, d, ref, ref0, note, i, j, from, to;
	bool ok, u;
idle:
	atomic { FORGET };
	d_step { remember(LIVE, p); remember_said(p, me); w[me] = 1 };
	if
	:: atomic { w[me] == 1 -> d_step { w[me] = 0; write_pair(LIVE, p, me); printf("owner %d holds it\n", me) } }
	:: atomic { w[me] == 2 -> goto idle }
	fi;
work:
	if
	:: atomic { off < N -> take_live(p, me); if :: ok -> ok = false; goto work :: else -> goto idle fi }
	:: atomic { WORTH_A_CUT -> if :: HELD(LIVE, p, me) -> w[me] = 1 :: else -> goto idle fi }
	:: atomic { true -> printf("owner %d dies\n", me); goto idle }
	fi;
	if
	:: atomic { w[me] == 1 -> cut_live(p, me); goto work }
	:: atomic { w[me] == 2 -> goto idle }
	:: atomic { true -> printf("owner %d dies, its EXEC is lost\n", me); goto idle }
	fi
}

proctype Replay(byte p; byte me) {
	byte name, base, off, c0, c1, d, ref, ref0, note, i, j;
	bool ok, u;
idle:
	atomic { FORGET };
	d_step { gone[p] = false; remember(SPARE, p); w[me] = 1; printf("replay of %d reads %c at %d\n", p, 'A' + name, base) };
	if
	:: atomic { w[me] == 1 -> d_step { w[me] = 0; write_pair(SPARE, p, me); printf("replay of %d holds it\n", p) } }
	:: atomic { w[me] == 2 -> goto idle }
	fi;
work:
	if
	:: atomic { gone[p] -> goto idle }
	:: d_step { !gone[p] && BOUND && !STALE(p, me) && mem[me].bound < g[AT(LIVE, p)].off -> read_bound(p, me) }; goto work
	:: atomic { !gone[p] && off < LIMIT -> take_shadow(p, me); if :: ok -> ok = false; goto work :: else -> goto idle fi }
	:: atomic { !gone[p] && off > base -> if :: HELD(SPARE, p, me) -> w[me] = 1 :: else -> goto idle fi }
	:: atomic { !gone[p] -> printf("replay of %d dies\n", p); goto idle }
	fi;
	if
	:: atomic { w[me] == 1 -> cut_shadow(p, me); goto work }
	:: atomic { w[me] == 2 -> goto idle }
	:: atomic { !gone[p] && w[me] == 1 -> printf("replay of %d dies, its EXEC is lost\n", p); goto idle }
	fi
}
#endif

/* ------------------------------------------------ switch and undo ----------------------- */

#define MAX(x, y) ((x) > (y) -> (x) : (y))
#define BEHIND(p) (!CHECK || g[AT(SPARE, p)].off <= g[AT(LIVE, p)].off)

inline swap(p) {
	copy_gen(t, g[AT(LIVE, p)]); copy_gen(g[AT(LIVE, p)], g[AT(SPARE, p)]); copy_gen(g[AT(SPARE, p)], t);
	t.name = 0; t.own = 0; t.off = 0; t.c0 = 0; t.c1 = 0; t.ref = 0; t.note = 0
}

inline make_live(p) {
	if
	:: FRESH -> g[AT(SPARE, p)].own = 0
	:: else -> skip
	fi;
	if :: CARRY -> g[AT(SPARE, p)].note = note[p] :: else -> skip fi;
	if :: RAISE -> a[p].off = said[p] :: else -> skip fi;
	printf("switch: %c at %d is live, %c at %d is spare, said.off %d\n", 'A' + g[AT(SPARE, p)].name, g[AT(SPARE, p)].off,
		'A' + g[AT(LIVE, p)].name, g[AT(LIVE, p)].off, a[p].off);
	swap(p)
}

proctype Switch() {
	byte said[NP], note[NP];
	byte j, k, q;
	bool u;
	Gen t;
again:
	atomic {
		w[SWITCHER] = 0; q = 0;
		do
		:: q < NP -> said[q] = 0; note[q] = 0; q++
		:: else -> break
		od;
		q = 0 };
	d_step { swaps < SWAPS && BEHIND(0) && BEHIND(NP - 1) ->
		w[SWITCHER] = 1;
		do
		:: q < NP ->
			said[q] = MAX(a[q].off, g[AT(LIVE, q)].off);
			note[q] = (g[AT(SPARE, q)].off > K -> 0 : (g[AT(LIVE, q)].off > K -> g[AT(LIVE, q)].ref : g[AT(LIVE, q)].note));
			q++
		:: else -> break
		od;
		q = 0;
		printf("switch reads: live %c at %d, spare %c at %d\n", 'A' + g[LIVE].name, g[LIVE].off, 'A' + g[NP].name, g[NP].off) };
	if
	:: atomic { w[SWITCHER] == 1 -> d_step {
		w[SWITCHER] = 0; swaps++;
		do
		:: q < NP -> make_live(q); q++
		:: else -> break
		od;
#if PUB
		if :: FRESH -> pown[SPARE] = 0 :: else -> skip fi;
		k = pown[0]; pown[0] = pown[1]; pown[1] = k;
		k = pview[0]; pview[0] = pview[1]; pview[1] = k; k = 0;
		pw = (pw == 1 -> 2 : pw); k = 0;
#endif
		touch_all();
		q = 0;
		do
		:: q < NP -> assert(g[AT(LIVE, q)].off <= g[AT(SPARE, q)].off || !CHECK); check(q); sweep(q); q++
		:: else -> break
		od;
		q = 0 }; goto again }
	:: atomic { w[SWITCHER] == 2 -> goto again }
	:: atomic { true -> goto again }
	fi
}

/* ------------------------------------------------ Redis loses a suffix ------------------ */

#if LOSS
proctype Disk() {
	byte q, j;
	d_step {
		do
		:: q < NP ->
			copy_gen(gs[AT(0, q)], g[AT(0, q)]); copy_gen(gs[AT(1, q)], g[AT(1, q)]); copy_told(as[q], a[q]); q++
		:: else -> break
		od;
		q = 0;
#if PUB
		ps_own[0] = pown[0]; ps_own[1] = pown[1]; ps_view[0] = pview[0]; ps_view[1] = pview[1];
#endif
		printf("Redis: what is lost later begins here\n") };
	d_step {
		do
		:: q < NP ->
			copy_gen(g[AT(0, q)], gs[AT(0, q)]); copy_gen(g[AT(1, q)], gs[AT(1, q)]); copy_told(a[q], as[q]);
			copy_gen(gs[AT(0, q)], none); copy_gen(gs[AT(1, q)], none); copy_told(as[q], unsaid);
			gone[q] = true; sweep(q); q++
		:: else -> break
		od;
		q = 0;
#if PUB
		pown[0] = ps_own[0]; pown[1] = ps_own[1]; pview[0] = ps_view[0]; pview[1] = ps_view[1];
		ps_own[0] = 0; ps_own[1] = 0; ps_view[0] = 0; ps_view[1] = 0;
		pw = (pw == 1 -> 2 : pw); pgone = true;
#endif
		touch_all();
		printf("Redis: the suffix is lost: live %c at %d, spare %c at %d\n", 'A' + g[LIVE].name, g[LIVE].off, 'A' + g[NP].name, g[NP].off) }
}
#endif

/* ------------------------------------------------ the publisher ------------------------- */

#if PUB
proctype Publisher() {
	byte view;
end:
	do
	:: d_step { pgone = false; pown[SPARE] = 0; pown[LIVE] = 1; ps_own[0] = 0; ps_own[1] = 0; view = 2;
		printf("publisher holds its record in %c\n", 'A' + g[LIVE].name) }
	:: d_step { pgone && !RECONNECT -> pgone = false }
	:: d_step { !pgone -> view = g[LIVE].name; printf("publisher reads the partials of %c\n", 'A' + view) }
	:: d_step { !pgone && pown[LIVE] == 1 && view != 2 ->
		pown[SPARE] = 0; ps_own[0] = 0; ps_own[1] = 0;
		pview[LIVE] = view;
		printf("publisher writes what it merged of %c into %c\n", 'A' + view, 'A' + g[LIVE].name);
		assert(pview[LIVE] == g[LIVE].name);	/* MIX */
		view = 2 }
	od
}
#endif

init {
	byte q;
	d_step {
		do
		:: q < NP -> g[AT(SPARE, q)].name = 1; q++
		:: else -> break
		od;
		q = 0
#if PUB
		; pview[SPARE] = 1
#endif
	};
	atomic {
#if PUB
		run Publisher();
#else
		do
		:: q < OWNERS -> run Live(q / NL, q); q++
		:: else -> break
		od;
		q = 0;
		do
		:: q < NP -> run Replay(q, OWNERS + q); q++
		:: else -> break
		od;
		q = 0;
#endif
#if LOSS
		run Disk();
#endif
		run Switch()
	}
}
