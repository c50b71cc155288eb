#include "rows.h"

#include <stdlib.h>

enum { TRIES = 3 }; /* for who else looks may have our list forgotten */

void rows_free(struct rows *rows) {
    for (size_t i = 0; i < rows->pages; i++) troupe_drop(&rows->page[i]);
    free(rows->page);
    free(rows->at);
    *rows = (struct rows){0};
}

/* Adds a page. False: no memory; the page is dropped. */
static bool add(struct rows *rows, troupe_msg *msg, const struct troupe_console_page *page) {
    troupe_msg **pages = realloc(rows->page, (rows->pages + 1) * sizeof *pages);
    if (pages) rows->page = pages;
    const struct troupe_console_row **at =
        realloc(rows->at, (rows->count + page->rows.count + 1) * sizeof *at);
    if (at) rows->at = at;
    if (!pages || !at) {
        troupe_drop(&msg);
        complain("out of memory");
        return false;
    }
    rows->page[rows->pages++] = msg;
    for (size_t i = 0; i < page->rows.count; i++) rows->at[rows->count++] = &page->rows.at[i];
    rows->at_ms = page->at_ms;
    rows->left_out = page->left_out;
    return true;
}

/* Gets all pages of one list; `*err` is what a page said. */
static bool get(struct session *session, struct rows *rows, troupe_err *err) {
    struct troupe_console_list list = {0};
    for (;;) {
        troupe_msg *msg =
            session_ask(session, &troupe_console_list_type, &list, &troupe_console_page_type, 0);
        const struct troupe_console_page *page = troupe_as(msg, &troupe_console_page_type);
        if (!page) return false;
        *err = (troupe_err)page->err;
        if (*err || (!page->rows.count && list.from < page->total)) {
            troupe_drop(&msg);
            return false;
        }
        list.snapshot = page->snapshot;
        uint32_t total = page->total;
        if (!add(rows, msg, page)) return false;
        list.from = (uint32_t)rows->count;
        if (list.from >= total) return true;
    }
}

bool rows_get(struct session *session, struct rows *rows) {
    troupe_err err = TROUPE_OK;
    for (int i = 0; i < TRIES; i++) {
        *rows = (struct rows){0};
        err = TROUPE_OK;
        if (get(session, rows, &err)) return true;
        rows_free(rows);
        if (err != TROUPE_GONE) break;
    }
    if (err) complain("node %s: %s", session->peer, troupe_strerror(err));
    return false;
}
