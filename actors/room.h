/* Room: who waits until a mailbox that was full has some. README.md, "Room". */
#ifndef TR_ACTORS_ROOM_H
#define TR_ACTORS_ROOM_H

#include <troupe/room.h>

#include "base/map.h"
#include "base/os.h"

typedef struct tr_rooms {
    tr_mutex lock;    /* guards all below, and every wish */
    tr_map by_target; /* of those that wait */
    tr_map by_actor;  /* of those of actors, until they are received */
    uint64_t last;    /* number given */
} tr_rooms;

/* Makes it empty. */
void tr_rooms_init(tr_rooms *rooms, const troupe_heap *heap);
/* Gives its memory back; nobody may be waiting. */
void tr_rooms_fini(tr_rooms *rooms);

/* A mailbox of this runtime that was full, which somebody wanted to know, has room, or is closed:
 * tells the port, and who waits here. Without a lock. */
void tr_rooms_freed(troupe *rt, troupe_ref who);
/* Tells who waits here for room at an actor of any node. */
void tr_rooms_tell(troupe *rt, troupe_ref who, troupe_err why);
/* Tells all who wait for an actor of that node. OK: they may try again. */
void tr_rooms_tell_node(troupe *rt, uint64_t node, troupe_err why);

/* A `troupe_room` has come out of a mailbox. False: it is void. By whoever runs the actor. */
bool tr_room_arrived(troupe_self *self, troupe_msg *msg);

/* Ends all wishes of a life; what they have put into its mailbox is void. */
void tr_rooms_forget(troupe *rt, uint64_t actor);

#endif
