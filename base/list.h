/* Intrusive lists. A member is a field of the thing that is listed, so adding never allocates.
 * `tr_link` chains one way: mailboxes and run queues. `tr_list` is a ring with a head, for things
 * that leave from the middle. None of it locks. */
#ifndef TR_BASE_LIST_H
#define TR_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct tr_link {
    struct tr_link *next;
} tr_link;

/* First in, first out. All zero is empty; `tail` means nothing while `head` is NULL. */
typedef struct tr_fifo {
    tr_link *head, *tail;
} tr_fifo;

/* Adds one member at the end. */
static inline void tr_fifo_put(tr_fifo *fifo, tr_link *link) {
    link->next = NULL;
    if (fifo->head)
        fifo->tail->next = link;
    else
        fifo->head = link;
    fifo->tail = link;
}

/* Adds one member at the front. */
static inline void tr_fifo_put_first(tr_fifo *fifo, tr_link *link) {
    if (!fifo->head) fifo->tail = link;
    link->next = fifo->head;
    fifo->head = link;
}

/* Takes the first member out; NULL if there is none. */
static inline tr_link *tr_fifo_get(tr_fifo *fifo) {
    tr_link *link = fifo->head;
    if (link) fifo->head = link->next;
    return link;
}

/* Takes the member behind `before` out, or the first one if that is NULL; there is one. */
static inline tr_link *tr_fifo_take_behind(tr_fifo *fifo, tr_link *before) {
    if (!before) return tr_fifo_get(fifo);
    tr_link *link = before->next;
    before->next = link->next;
    if (fifo->tail == link) fifo->tail = before;
    return link;
}

typedef struct tr_list {
    struct tr_list *next, *prev;
} tr_list;

/* Makes a head empty, or a member free. */
static inline void tr_list_init(tr_list *list) {
    list->next = list->prev = list;
}

/* Whether a head has no members, or a member is in no list. */
static inline bool tr_list_empty(const tr_list *list) {
    return list->next == list;
}

/* Adds a free member at the end. */
static inline void tr_list_add(tr_list *head, tr_list *member) {
    member->prev = head->prev;
    member->next = head;
    head->prev->next = member;
    head->prev = member;
}

/* Takes a member out of the list it is in, if any, and makes it free. */
static inline void tr_list_remove(tr_list *member) {
    member->prev->next = member->next;
    member->next->prev = member->prev;
    tr_list_init(member);
}

#endif
