/* Choices: all that is left to chance in a simulation. From one seed, recorded, to be replayed. */
#ifndef TR_ACTORS_CHOICE_H
#define TR_ACTORS_CHOICE_H

#include <troupe/simulation.h>

#include "base/check.h"

enum { TR_DEPTH_MOST = 32 };

/* An agent of PCT whose priority was lowered. */
typedef struct tr_lowered {
    uint64_t agent;
    uint32_t priority;
} tr_lowered;

typedef struct tr_choices {
    uint64_t seed, state;     /* of the generator */
    troupe_schedule schedule; /* of picks */
    unsigned depth;
    uint64_t picks;                    /* so far */
    uint64_t change_at[TR_DEPTH_MOST]; /* picks at which the first priority is lowered, of PCT */
    tr_lowered lowered[TR_DEPTH_MOST]; /* `lows` of them */
    unsigned lows;
    uint32_t *made; /* `count` choices so far */
    size_t count, room;
    bool lost;                /* there was no memory for all of them */
    struct tr_record *shared; /* where a trial sees them also; NULL: nowhere */
    uint32_t *script;         /* to be made instead: `length` of them; NULL: none */
    size_t length;
    const troupe_heap *heap;
} tr_choices;

/* Makes them ready. NOMEM. INVALID. */
TR_CHECKED troupe_err tr_choices_init(tr_choices *choices, const troupe_sim_config *config,
                                      const troupe_heap *heap);
/* Gives the memory back. */
void tr_choices_fini(tr_choices *choices);

/* A choice below `n`, which is at least 1. */
uint32_t tr_choose(tr_choices *choices, uint32_t n);
/* Whether something happens that has so many millionths of a chance. */
bool tr_chance(tr_choices *choices, uint32_t millionths);
/* Which of `n` agents (at least 1) goes on. */
uint32_t tr_pick(tr_choices *choices, const uint64_t *agent, uint32_t n);

/* The next number of a generator, whose state is any number. */
uint64_t tr_draw(uint64_t *state);
/* One number mixed from two. */
uint64_t tr_mix(uint64_t a, uint64_t b);

#endif
