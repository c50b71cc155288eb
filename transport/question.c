#include "transport/question.h"

#include <string.h>

#include "base/heap.h"
#include "serial/envelope.h"
#include "transport/node.h"

/* Guarded by the node's lock. A thread's is on its stack. */
typedef struct tr_question {
    tr_map_entry by_number;
    tr_peer_link *asked;
    troupe_msg *msg;  /* an actor's answer; NULL: a thread waits */
    troupe_ref asker; /* the actor */
    bool answered;    /* a thread's: */
    troupe_ref who;
    troupe_err why;
} tr_question;

const troupe_type troupe_far_answer_type =
    TROUPE_TYPE(troupe_far_answer, TROUPE_FIELD(troupe_far_answer, number),
                TROUPE_FIELD(troupe_far_answer, who), TROUPE_FIELD(troupe_far_answer, why));

/* --- Asking ----------------------------------------------------------------------------------- */

/* The link to the peer of that name, with a reference; NULL: not connected. */
static tr_peer_link *link_by_name(struct troupe_node *node, const char *name) {
    tr_peer_link *found = NULL;
    tr_lock(&node->lock);
    for (tr_list *at = node->links.next; !found && at != &node->links; at = at->next) {
        tr_peer_link *link = TR_OWNER(at, tr_peer_link, of_node);
        bool here = link->state == TR_LINK_UP && !link->closed && !link->orderly;
        if (here && strcmp(link->shake.peer.name, name) == 0) found = link;
    }
    if (found) found->refs++;
    tr_unlock(&node->lock);
    return found;
}

/* Enters a question and gives it its number. */
static troupe_err enter(tr_question *question, tr_frame *frame) {
    tr_peer_link *link = question->asked;
    struct troupe_node *node = link->node;
    if (!tr_link_has_room(link)) return TROUPE_FULL;
    troupe_err err = TROUPE_OK;
    tr_lock(&node->lock);
    if (link->state != TR_LINK_UP) err = TROUPE_NOCONNECTION;
    frame->number = ++node->question_number;
    if (!err && !tr_map_add(&node->questions, frame->number, &question->by_number))
        err = TROUPE_NOMEM;
    if (!err) link->asked++;
    tr_unlock(&node->lock);
    return err;
}

/* Takes a question out, under the lock. */
static void take_out(tr_question *question) {
    tr_map_remove(&question->asked->node->questions, &question->by_number);
    question->asked->asked--;
}

troupe_err tr_question_wait(struct troupe_node *node, const char *peer, tr_frame *frame,
                            unsigned timeout_ms, troupe_ref *out) {
    uint64_t deadline = tr_after_ms(tr_node_clock(node), timeout_ms);
    tr_question question = {.asked = link_by_name(node, peer), .why = TROUPE_NOCONNECTION};
    if (!question.asked) return TROUPE_NOCONNECTION;
    troupe_err err = enter(&question, frame);
    if (!err) {
        bool said = tr_link_say(question.asked, frame), in_time = true;
        tr_lock(&node->lock);
        while (said && !question.answered && in_time) in_time = tr_node_wait(node, deadline);
        if (question.answered || !said)
            err = question.why;
        else
            err = TROUPE_TIMEOUT;
        if (!question.answered) take_out(&question);
        tr_unlock(&node->lock);
    }
    tr_node_unref(question.asked);
    if (!err) *out = question.who;
    return err;
}

troupe_err tr_question_send(troupe_self *self, const char *peer, tr_frame *frame,
                            uint64_t *number) {
    struct troupe_node *node = tr_node_of(troupe_runtime(self));
    if (!node) return TROUPE_INVALID;
    tr_question *question = tr_take_zero(node->heap, sizeof *question);
    if (!question) return TROUPE_NOMEM;
    question->asker = troupe_me(self);
    question->asked = link_by_name(node, peer);
    const struct troupe_far_answer none = {.number = 0};
    troupe_err err = question->asked ? TROUPE_OK : TROUPE_NOCONNECTION;
    if (!err) err = troupe_make(node->rt, &troupe_far_answer_type, &none, &question->msg);
    tr_peer_link *link = question->asked;
    if (!err) err = enter(question, frame);
    if (err) {
        troupe_drop(&question->msg);
        tr_give(node->heap, question, sizeof *question);
    } else { /* from here on the question may be answered, and gone, at any time */
        *number = frame->number;
        (void)tr_link_say(link, frame); /* if not, the link is cut, and that is the answer */
    }
    if (link) tr_node_unref(link);
    return err;
}

/* --- Answers ---------------------------------------------------------------------------------- */

/* Sends an actor its answer; one that has ended needs none. */
static void deliver(struct troupe_node *node, tr_question *question, troupe_ref who,
                    troupe_err why) {
    struct troupe_far_answer *body = tr_msg_body(question->msg);
    body->number = question->by_number.key;
    body->who = who;
    body->why = (uint32_t)why;
    if (tr_port_deliver(node->rt, TROUPE_NOBODY, question->asker, TR_SEND_FREE, &question->msg))
        troupe_drop(&question->msg);
    tr_give(node->heap, question, sizeof *question);
}

bool tr_question_answer(tr_peer_link *link, uint64_t number, troupe_ref who, troupe_err why) {
    struct troupe_node *node = link->node;
    tr_lock(&node->lock);
    tr_map_entry *entry = tr_map_find(&node->questions, number);
    tr_question *question = entry ? TR_OWNER(entry, tr_question, by_number) : NULL;
    if (question && question->asked != link) question = NULL; /* another peer was asked that */
    if (question) take_out(question);
    bool waits = question && !question->msg;
    if (waits) {
        question->answered = true;
        question->who = who;
        question->why = why;
        tr_cond_wake_all(&node->changed);
    }
    tr_unlock(&node->lock);
    if (question && !waits) deliver(node, question, who, why);
    return question != NULL;
}

/* Finds one that was asked of a link. */
typedef struct search {
    const tr_peer_link *link;
    uint64_t number; /* 0: there is none */
} search;

static void look_at(void *ctx, tr_map_entry *entry) {
    search *it = ctx;
    if (TR_OWNER(entry, tr_question, by_number)->asked == it->link) it->number = entry->key;
}

void tr_question_lost(tr_peer_link *link) {
    struct troupe_node *node = link->node;
    for (;;) {
        search it = {.link = link};
        tr_lock(&node->lock);
        if (link->asked) tr_map_each(&node->questions, look_at, &it);
        tr_unlock(&node->lock);
        if (!it.number) return;
        (void)tr_question_answer(link, it.number, TROUPE_NOBODY, TROUPE_NOCONNECTION);
    }
}

/* --- Names ------------------------------------------------------------------------------------ */

static bool fits(const char *name) {
    return strlen(name) <= TROUPE_NAME_MAX;
}

troupe_err troupe_lookup(troupe_node *node, const char *peer, const char *name, unsigned timeout_ms,
                         troupe_ref *out) {
    if (!fits(name)) return TROUPE_NOTFOUND;
    tr_frame frame = {.kind = TR_FRAME_LOOKUP, .tail = name, .tail_size = strlen(name)};
    return tr_question_wait(node, peer, &frame, timeout_ms, out);
}

troupe_err troupe_whereis_on(troupe_self *self, const char *peer, const char *name,
                             uint64_t *number) {
    if (!fits(name)) return TROUPE_NOTFOUND;
    tr_frame frame = {.kind = TR_FRAME_LOOKUP, .tail = name, .tail_size = strlen(name)};
    return tr_question_send(self, peer, &frame, number);
}
