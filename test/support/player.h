/* Players: actors for tests, which do as they are told and write it into the stage's diary. */
#ifndef TROUPE_TEST_PLAYER_H
#define TROUPE_TEST_PLAYER_H

#include <stdint.h>
#include <troupe/actor.h>

/* What a player is. Its words in the diary: start(id), stopping(id), stop(id,REASON), and what its
 * cues make it say. */
typedef struct player {
    const char *id;
    troupe_err start;       /* what its start returns */
    troupe_err stopping;    /* what its stopping returns; OK: stop now */
    uint32_t *starts;       /* counted up at each start, if there */
    uint32_t fail_from;     /* starts with these numbers, counted from 1, fail with USER: [from, */
    uint32_t fail_past;     /* past) */
    void (*at_start)(troupe_self *self);
    void (*at_stop)(troupe_self *self);
} player;

/* Its behaviours; the start argument is a `const player *`. The second has a mailbox of 4. */
extern const troupe_behaviour player_behaviour, player_with_4;

/* What a cue makes a player do. */
enum {
    CUE_SAY,    /* id:n */
    CUE_EXIT,   /* troupe_exit(n) */
    CUE_RETURN, /* returns n from receive */
    CUE_FAIL,   /* troupe_fail(n, "as told") */
    CUE_READY,  /* troupe_ready */
    CUE_PASS,   /* sends CUE_SAY n to who */
    CUE_WATCH,  /* monitors who; then says down(id,n,REASON), n being the watched one's number */
    CUE_COUNT,  /* id=n, n being counted up in its state from 1 */
    CUE_ANSWER, /* answers with CUE_SAY n */
    CUE_KEEP,   /* keeps the sender */
    CUE_LATE,   /* answers the kept one with CUE_SAY n */
    CUE_LINK,   /* links to who */
    CUE_UNLINK, /* ends that; says unlink(id,ERROR) */
    CUE_TRAP,   /* traps exits from here on, or not if n is 0; then says exit(id,REASON) for one of
                 * a link and signal(id,REASON) for one that was sent */
    CUE_SIGNAL, /* sends who an exit signal with reason n */
    CUE_WAIT    /* waits at the gate */
};

struct cue {
    uint32_t act, n;
    troupe_ref who;
};
extern const troupe_type cue_type;

/* Makes a cue. */
troupe_msg *cue_make(uint32_t act, uint32_t n, troupe_ref who);

/* Makes one as the transport does: it may have a sender on another node. */
troupe_msg *cue_arrived(uint32_t act, uint32_t n, troupe_ref who);

/* Posts a cue, which must be accepted. */
void cue(troupe_ref to, uint32_t act, uint32_t n);

/* The same about somebody. */
void cue_about(troupe_ref to, uint32_t act, uint32_t n, troupe_ref who);

/* The same, and waits until it has been done: the diary, which must get nothing else meanwhile, is
 * empty then. `id` is the player's. */
void cue_done(troupe_ref to, const char *id, uint32_t act, uint32_t n, troupe_ref who);

/* Has a player handle nothing, from its next message on: in a simulation it is held, on a worker it
 * waits at the gate, in a message that keeps its place of the bound. One at a time. */
void stage_hold(troupe_ref who);

/* Lets it go on. */
void stage_let_go(troupe_ref who);

/* What a cue about no number holds: the `n` of a message that is a cue. */
uint32_t cue_n(const troupe_msg *msg);

/* Spawns a player, which must work. */
troupe_ref stage_enter(const player *who);

#endif
