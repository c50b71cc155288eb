/* The lives of an actor: how each begins and ends, and the actor's burial. By whoever runs it. */
#ifndef TR_ACTORS_LIFE_H
#define TR_ACTORS_LIFE_H

#include "actors/actor.h"

/* Whether an end for that reason is clean: OK or SHUTDOWN. */
bool tr_life_clean(troupe_err why);

/* Something to do with a new actor before its `start` runs. An error: it is not to be started. If
 * its start fails, `undo` takes it back. */
typedef struct tr_life_eve {
    troupe_err (*run)(struct tr_life_eve *eve, troupe_ref child);
    void (*undo)(struct tr_life_eve *eve);
} tr_life_eve;

/* `troupe_spawn`, with an eve; NULL: none. The errors of that too. */
TR_CHECKED troupe_err tr_life_spawn(troupe *rt, const troupe_behaviour *what, const void *arg,
                                    tr_life_eve *eve, troupe_ref *out);

/* Begins a life of a supervised actor, which may tell (abandon.h) until its bond has been read; its
 * supervisor hears how it went. False: buried. */
bool tr_life_begin(troupe_self *self);

/* The same, but ends the life without ever having begun, since somebody asked for its end
 * meanwhile. */
bool tr_life_skip(troupe_self *self, troupe_err why);

/* Gives back all that a life held. */
void tr_life_release(troupe_self *self);

/* Ends a life. True: the actor is held for its supervisor; false: it is buried, or was abandoned
 * and has returned. */
bool tr_life_end(troupe_self *self, troupe_err why);

/* Ends the life if the callback that returned `err` failed or asked for it. False: buried. */
bool tr_life_after(troupe_self *self, troupe_err err);

/* Ends an actor for good; nobody may touch it after. */
void tr_life_bury(troupe_self *self);

/* Gives the place of a buried actor back. */
void tr_life_give_place(troupe_self *self);

#endif
