/* Groups of actors, and who is told when one changes. README.md, "Groups". */
#ifndef TR_ACTORS_GROUP_H
#define TR_ACTORS_GROUP_H

#include <troupe/group.h>

#include "base/check.h"
#include "base/list.h"
#include "base/map.h"
#include "base/os.h"

enum { TR_GROUP_CHANGES = 256 };

/* The latest changes that other nodes are told of. A ring. */
typedef struct tr_group_change {
    uint64_t id;
    char name[TROUPE_NAME_MAX + 1];
} tr_group_change;
typedef struct tr_group_journal {
    uint64_t last; /* number of the latest change, from 1; in `change[last % TR_GROUP_CHANGES]` */
    tr_group_change *change; /* made with the first membership that others are told of */
} tr_group_journal;

typedef struct tr_groups {
    tr_mutex lock;     /* guards all below, and all of each group, member and watch; innermost */
    tr_map by_hash;    /* groups, by the hash of the name */
    tr_map by_member;  /* memberships, by the actor */
    tr_map by_node;    /* tr_group_far, of other nodes */
    tr_list told;      /* memberships of this runtime that other nodes are told of, oldest first */
    tr_group_journal journal;
    uint64_t secret;   /* scatters names and actors: those of other nodes are of their choice */
    tr_map by_watcher; /* watches, by the id of the actor */
    tr_list voids;     /* watches that are over: who has their envelope ends them */
    uint64_t watched;  /* number of the last watch */
    const troupe_heap *heap;
} tr_groups;

/* There as long as it has a member or a watch. */
typedef struct tr_group {
    tr_map_entry by_hash;
    tr_list members, watches;
    size_t count; /* of members, `here` of them of this runtime */
    size_t here;
    char name[];
} tr_group;

typedef struct tr_member {
    tr_map_entry by_member;
    tr_list of_group, of_node; /* the second: `told`, or that of a tr_group_far, or none */
    tr_group *group;
    troupe_ref who;
    uint64_t era; /* of another node: when it was told last */
} tr_member;

/* What another node has told of its members. */
typedef struct tr_group_far {
    tr_map_entry by_node;
    tr_list members;
    size_t count;
    uint64_t era; /* raised when all of them are told anew */
    bool anew;    /* that is under way */
} tr_group_far;

/* Makes an empty register. */
void tr_groups_init(tr_groups *groups, const troupe_heap *heap);

/* Gives its memory back; it must be empty. */
void tr_groups_fini(tr_groups *groups);

/* `troupe_join_group`, of which other nodes are not told. */
TR_CHECKED troupe_err tr_group_join_here(troupe *rt, troupe_ref who, const char *name);

/* Has an actor that ends leave all its groups. */
void tr_groups_forget(troupe *rt, uint64_t id);

/* The group of that name; NULL: there is none. Under the lock. */
tr_group *tr_group_find(tr_groups *groups, const char *name);

/* The same, made if there is none; NULL: no memory. */
tr_group *tr_group_open(tr_groups *groups, const char *name);

/* Gives it back if nothing needs it. Under the lock. */
void tr_group_leave(tr_groups *groups, tr_group *group);

/* Stores up to `room` members; under the lock. */
void tr_group_list(const tr_group *group, troupe_ref *who, size_t room);

/* A membership; NULL: there is none. Under the lock. */
tr_member *tr_group_member(tr_groups *groups, troupe_ref who, const tr_group *group);

/* Enters one, whose `who` is filled in, under the lock. NOMEM. */
TR_CHECKED troupe_err tr_group_enter(tr_groups *groups, const char *name, tr_member *member,
                                     bool here, tr_fifo *wake);

/* Takes one out and frees it, under the lock. */
void tr_group_take_out(troupe *rt, tr_member *member, tr_fifo *wake);

/* The first membership of an actor; NULL: it has none. Under the lock. */
tr_member *tr_group_first(tr_groups *groups, troupe_ref who);

/* A node is lost: its members leave. */
void tr_groups_node_lost(troupe *rt, uint64_t node);

/* All that are left are, without a word. */
void tr_groups_all_lost(troupe *rt);

/* Whether it can be the name of a group. */
bool tr_group_is_name(const char *name);

#endif
