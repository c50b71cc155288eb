/* A group: three printers, which all hear of new paper, and of which each in turn gets a page. One
 * that ends is no member any more, which their foreman, who watches the group, is told. */
#include <stdio.h>
#include <troupe/troupe.h>

struct page {
    uint32_t number;
};
static const troupe_type page_type = TROUPE_TYPE(page, TROUPE_FIELD(page, number));
static const troupe_type paper_type = TROUPE_SIGNAL_TYPE("paper");
static const troupe_type total_type = TROUPE_TYPE(page, TROUPE_FIELD(page, number));

struct printer {
    uint32_t paper, printed;
};

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)state;
    (void)arg;
    return troupe_join_group(troupe_runtime(self), troupe_me(self), "printers");
}

/* Tells a plain thread that asks for page 0 how many it has printed. */
static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct printer *it = state;
    const struct page *page = troupe_as(*msg, &page_type);
    if (troupe_as(*msg, &paper_type)) it->paper += 10;
    if (!page) return TROUPE_OK;
    if (!page->number)
        return troupe_answer(self, &total_type, &(struct page){it->paper * 100 + it->printed});
    it->printed++;
    return TROUPE_OK;
}

/* The foreman: knows how many printers there are, and tells who asks it. */
struct foreman {
    uint64_t printers, left;
    troupe_ref waiting; /* for one to leave; TROUPE_NOBODY: nobody */
};

static troupe_err start_foreman(troupe_self *self, void *state, const void *arg) {
    struct foreman *it = state;
    size_t members = 0;
    (void)arg;
    troupe_err err = troupe_watch_group(self, "printers", NULL, 0, &members, NULL);
    it->printers = members;
    return err;
}

static troupe_err say(troupe_self *self, struct foreman *it) {
    troupe_ref to = it->waiting;
    it->waiting = TROUPE_NOBODY;
    return troupe_tell(self, to, &total_type, &(struct page){(uint32_t)it->printers});
}

static troupe_err receive_as_foreman(troupe_self *self, void *state, troupe_msg **msg) {
    struct foreman *it = state;
    const struct troupe_group_changed *news = troupe_as(*msg, &troupe_group_changed_type);
    if (news) {
        it->printers = news->members;
        it->left += news->left;
    } else {
        it->waiting = troupe_sender(self); /* it is answered when one has left */
    }
    return it->left && !troupe_same(it->waiting, TROUPE_NOBODY) ? say(self, it) : TROUPE_OK;
}

static troupe_err ask_foreman(troupe *rt, troupe_ref foreman) {
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(rt, &page_type, &(struct page){0}, &msg);
    if (!err) err = troupe_ask(rt, foreman, &msg, 10000);
    const struct page *total = err ? NULL : troupe_as(msg, &total_type);
    if (total) printf("foreman: one has left, %d printers\n", (int)total->number);
    troupe_drop(&msg);
    return err;
}

static troupe_err print(troupe *rt, uint32_t number) {
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(rt, &page_type, &(struct page){number}, &msg);
    if (!err) err = troupe_post_any(rt, "printers", &msg);
    troupe_drop(&msg);
    return err;
}

static troupe_err new_paper(troupe *rt) {
    troupe_msg *msg = NULL;
    troupe_reach reach = {0, 0};
    troupe_err err = troupe_make(rt, &paper_type, NULL, &msg);
    if (!err) err = troupe_post_group(rt, "printers", &msg, &reach);
    printf("paper: %zu of %zu printers\n", reach.reached, reach.members);
    troupe_drop(&msg);
    return err;
}

static troupe_err show(troupe *rt, troupe_ref printer, int n) {
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(rt, &page_type, &(struct page){0}, &msg);
    if (!err) err = troupe_ask(rt, printer, &msg, 1000);
    const struct page *total = err ? NULL : troupe_as(msg, &total_type);
    if (total)
        printf("printer %d: %d sheets, %d pages\n", n, (int)total->number / 100,
               (int)total->number % 100);
    else
        printf("printer %d: %s\n", n, troupe_strerror(err));
    troupe_drop(&msg);
    return TROUPE_OK;
}

int main(void) {
    static const troupe_behaviour printer = {.name = "printer",
                                             .state_size = sizeof(struct printer),
                                             .start = start,
                                             .receive = receive};
    static const troupe_behaviour chief = {.name = "foreman",
                                           .state_size = sizeof(struct foreman),
                                           .start = start_foreman,
                                           .receive = receive_as_foreman};
    troupe *rt = NULL;
    troupe_ref who[3], foreman;
    troupe_err err = troupe_open(NULL, &rt);
    for (int i = 0; i < 3 && !err; i++) err = troupe_spawn(rt, &printer, NULL, &who[i]);
    if (!err) err = troupe_spawn(rt, &chief, NULL, &foreman);
    if (!err) err = new_paper(rt);
    for (uint32_t i = 1; i <= 12 && !err; i++) err = print(rt, i);
    for (int i = 0; i < 3 && !err; i++) err = show(rt, who[i], i);
    if (!err) err = troupe_stop(rt, who[1]);
    if (!err) err = show(rt, who[1], 1); /* to stop goes ahead of mail, so nobody answers this */
    if (!err) err = ask_foreman(rt, foreman);
    if (!err) err = new_paper(rt);
    for (int i = 0; i < 3 && !err; i++) err = show(rt, who[i], i);
    troupe_close(&rt);
    return err != TROUPE_OK;
}
