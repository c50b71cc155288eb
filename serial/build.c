#include "serial/build.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/heap.h"
#include "base/list.h"
#include "serial/envelope.h"
#include "serial/kind.h"

/* Memory of a builder, with what is in it behind. None moves or goes before the builder does: what
 * was copied elsewhere stays right. */
typedef struct block {
    _Alignas(16) tr_list place; /* among the pieces or the rows */
    size_t used, room;          /* bytes */
} block;

/* A map or list that was begun. */
typedef struct level {
    bool list;
    const char *key; /* of it, where it is; NULL in a list */
    tr_many row;     /* entries of a map, values of a list */
} level;

struct troupe_builder {
    const tr_pool *pool;
    troupe_err err; /* the first */
    tr_list pieces; /* of what does not grow, small things together in one; the last is in use */
    tr_list rows;   /* of what may grow, each by itself; who grew last is the first */
    troupe_map *map;
    unsigned depth; /* levels that were begun */
    level open[TROUPE_MAP_LEVELS];
};

enum { PIECES = 1024 - sizeof(block) }; /* bytes of things that are small */

troupe_builder *tr_build(const tr_pool *pool) {
    troupe_builder *made = tr_take_zero(pool->heap, sizeof *made);
    if (!made) return NULL;
    made->pool = pool;
    tr_list_init(&made->pieces);
    tr_list_init(&made->rows);
    return made;
}

static void give_all(const troupe_heap *heap, tr_list *list) {
    while (!tr_list_empty(list)) {
        block *it = TR_OWNER(list->next, block, place);
        tr_list_remove(&it->place);
        tr_give(heap, it, sizeof *it + it->room);
    }
}

void troupe_build_drop(troupe_builder **builder) {
    troupe_builder *gone = builder ? *builder : NULL;
    if (!gone) return;
    *builder = NULL;
    give_all(gone->pool->heap, &gone->pieces);
    give_all(gone->pool->heap, &gone->rows);
    tr_give(gone->pool->heap, gone, sizeof *gone);
}

troupe_err troupe_build_error(const troupe_builder *builder) {
    return builder ? builder->err : TROUPE_NOMEM;
}

/* Whether there is a builder that had no error yet. */
static bool works(const troupe_builder *b) {
    return b && !b->err;
}

/* Keeps an error, the first. */
static void refuse(troupe_builder *b, troupe_err err) {
    if (!b->err) b->err = err;
}

troupe_err troupe_build_make(troupe_builder *b, const troupe_type *type, const void *body,
                             troupe_msg **out) {
    *out = NULL;
    if (!works(b)) return troupe_build_error(b);
    return b->depth ? TROUPE_INVALID : tr_msg_make(b->pool, type, body, out);
}

/* --- Memory ----------------------------------------------------------------------------------- */

static char *data_of(block *it) {
    return (char *)(it + 1);
}

static block *take(troupe_builder *b, tr_list *list, size_t room) {
    if (room > TR_MSG_LIMIT) {
        refuse(b, TROUPE_TOOBIG);
        return NULL;
    }
    block *made = tr_take(b->pool->heap, sizeof *made + room);
    if (!made) {
        refuse(b, TROUPE_NOMEM);
        return NULL;
    }
    *made = (block){.room = room};
    tr_list_init(&made->place);
    tr_list_add(list, &made->place);
    return made;
}

/* Room for something that does not grow; NULL: none, and that is kept. */
static char *take_piece(troupe_builder *b, size_t size) {
    block *last = TR_OWNER(b->pieces.prev, block, place);
    if (tr_list_empty(&b->pieces) || last->room - last->used < size)
        last = take(b, &b->pieces, size > PIECES ? size : PIECES);
    if (!last) return NULL;
    char *place = data_of(last) + last->used;
    last->used += size;
    return place;
}

static const char *copy_text(troupe_builder *b, const char *text) {
    const size_t size = strlen(text) + 1;
    char *copy = take_piece(b, size);
    return copy ? memcpy(copy, text, size) : "";
}

/* The block of a row that the builder made; NULL: it is somebody else's, or there is none. */
static block *row_of(troupe_builder *b, const void *at) {
    for (tr_list *it = b->rows.next; at && it != &b->rows; it = it->next)
        if (data_of(TR_OWNER(it, block, place)) == at) return TR_OWNER(it, block, place);
    return NULL;
}

static void put_first(troupe_builder *b, block *row) {
    tr_list_remove(&row->place);
    tr_list_add(b->rows.next, &row->place); /* in front of who is the first */
}

/* The row of which `used` bytes are at `at`, with `more` behind them; NULL: an error is kept. A row
 * that has more already is in use by a copy of what describes it: that one must not see it. */
static block *widen(troupe_builder *b, const void *at, size_t used, size_t more) {
    block *row = row_of(b, at);
    if (more > TR_MSG_LIMIT || used > TR_MSG_LIMIT - more) {
        refuse(b, TROUPE_TOOBIG);
        return NULL;
    }
    if (!row || row->used != used || row->room - used < more) {
        const size_t least = used + more, twice = used < TR_MSG_LIMIT / 2 ? 2 * used : 0;
        row = take(b, &b->rows, least < 64 && twice < 64 ? 64 : least > twice ? least : twice);
        if (!row) return NULL;
        if (used) memcpy(data_of(row), at, used);
    }
    put_first(b, row);
    row->used = used + more;
    return row;
}

/* --- Texts and bytes -------------------------------------------------------------------------- */

const char *troupe_build_text(troupe_builder *b, const char *format, ...) {
    char small[128], *place = NULL;
    if (!works(b)) return "";
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(small, sizeof small, format, arguments);
    va_end(arguments);
    if (size < 0)
        refuse(b, TROUPE_INVALID);
    else
        place = take_piece(b, (size_t)size + 1);
    if (!place) return "";
    if ((size_t)size < sizeof small) return memcpy(place, small, (size_t)size + 1);
    va_start(arguments, format);
    vsnprintf(place, (size_t)size + 1, format, arguments);
    va_end(arguments);
    return place;
}

void troupe_build_append(troupe_builder *b, const char **text, const char *format, ...) {
    char small[128];
    if (!works(b)) return;
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(small, sizeof small, format, arguments);
    va_end(arguments);
    if (size < 0) {
        refuse(b, TROUPE_INVALID);
        return;
    }
    block *row = row_of(b, *text); /* `used` counts its NUL, which is written over */
    const size_t used = row ? row->used - 1 : *text ? strlen(*text) : 0;
    if (row) row->used = used;
    row = widen(b, *text, used, (size_t)size + 1);
    if (!row) return;
    char *place = data_of(row) + used;
    if ((size_t)size < sizeof small) {
        memcpy(place, small, (size_t)size + 1);
    } else {
        va_start(arguments, format);
        vsnprintf(place, (size_t)size + 1, format, arguments);
        va_end(arguments);
    }
    *text = data_of(row);
}

troupe_bytes troupe_build_bytes(troupe_builder *b, const void *data, size_t size) {
    if (!works(b)) return (troupe_bytes){NULL, 0};
    if (size && !data) refuse(b, TROUPE_INVALID);
    char *copy = size && data ? take_piece(b, size) : NULL;
    if (!copy) return (troupe_bytes){NULL, 0};
    return (troupe_bytes){memcpy(copy, data, size), size};
}

void troupe_build_append_bytes(troupe_builder *b, troupe_bytes *bytes, const void *data,
                               size_t size) {
    if (!works(b) || !size) return;
    if (!data || (bytes->size && !bytes->data)) {
        refuse(b, TROUPE_INVALID);
        return;
    }
    block *row = widen(b, bytes->data, bytes->size, size);
    if (!row) return;
    memcpy(data_of(row) + bytes->size, data, size);
    *bytes = (troupe_bytes){data_of(row), bytes->size + size};
}

/* --- Lists ------------------------------------------------------------------------------------ */

static void add(troupe_builder *b, tr_many *list, size_t size, const void *value) {
    if (list->count && !list->at) {
        refuse(b, TROUPE_INVALID);
        return;
    }
    if (list->count > TR_MSG_LIMIT / size) {
        refuse(b, TROUPE_TOOBIG);
        return;
    }
    const size_t used = list->count * size;
    block *row = widen(b, list->at, used, size);
    if (!row) return;
    memcpy(data_of(row) + used, value, size);
    *list = (tr_many){data_of(row), list->count + 1};
}

void troupe_build_add(troupe_builder *b, void *list, size_t size, const void *value) {
    tr_many many = tr_many_get(list);
    if (!works(b)) return;
    add(b, &many, size, value);
    memcpy(list, &many, sizeof many);
}

/* --- Maps ------------------------------------------------------------------------------------- */

void troupe_build_map(troupe_builder *b, troupe_map *map) {
    if (!works(b)) return;
    if (b->depth) {
        refuse(b, TROUPE_INVALID);
        return;
    }
    b->map = map;
    b->open[b->depth++] = (level){.row = {map->at, map->count}};
}

/* Whether a value can be put here with this key: in a map with one, in a list without. */
static bool may_put(troupe_builder *b, const char *key) {
    if (!works(b)) return false;
    if (b->depth && b->open[b->depth - 1].list == !key) return true;
    refuse(b, TROUPE_INVALID);
    return false;
}

static void put_here(troupe_builder *b, const char *key, troupe_any value) {
    level *here = &b->open[b->depth - 1];
    if (here->list)
        add(b, &here->row, sizeof value, &value);
    else
        add(b, &here->row, sizeof(troupe_entry), &(troupe_entry){key, value});
}

static void put(troupe_builder *b, const char *key, troupe_any value) {
    if (!may_put(b, key)) return;
    const char *copy = key ? copy_text(b, key) : NULL;
    if (works(b)) put_here(b, copy, value);
}

static void begin(troupe_builder *b, const char *key, bool list) {
    if (!may_put(b, key)) return;
    if (b->depth == TROUPE_MAP_LEVELS) {
        refuse(b, TROUPE_INVALID);
        return;
    }
    const char *copy = key ? copy_text(b, key) : NULL;
    b->open[b->depth++] = (level){.list = list, .key = copy};
}

void troupe_put_end(troupe_builder *b) {
    if (!works(b)) return;
    if (!b->depth) {
        refuse(b, TROUPE_INVALID);
        return;
    }
    const level done = b->open[--b->depth];
    troupe_any value = {.is = done.list ? TROUPE_IS_LIST : TROUPE_IS_MAP};
    if (done.list)
        value.list = (troupe_any_list){done.row.at, done.row.count};
    else
        value.map = (troupe_map){done.row.at, done.row.count};
    if (b->depth)
        put_here(b, done.key, value);
    else
        *b->map = value.map;
}

void troupe_put_map(troupe_builder *b, const char *key) {
    begin(b, key, false);
}

void troupe_put_list(troupe_builder *b, const char *key) {
    begin(b, key, true);
}

void troupe_put_nil(troupe_builder *b, const char *key) {
    put(b, key, (troupe_any){.is = TROUPE_IS_NIL});
}

void troupe_put_bool(troupe_builder *b, const char *key, bool truth) {
    put(b, key, (troupe_any){.is = TROUPE_IS_BOOL, .truth = truth});
}

void troupe_put_i64(troupe_builder *b, const char *key, int64_t number) {
    put(b, key, (troupe_any){.is = TROUPE_IS_I64, .i64 = number});
}

void troupe_put_u64(troupe_builder *b, const char *key, uint64_t number) {
    put(b, key, (troupe_any){.is = TROUPE_IS_U64, .u64 = number});
}

void troupe_put_f64(troupe_builder *b, const char *key, double number) {
    put(b, key, (troupe_any){.is = TROUPE_IS_F64, .f64 = number});
}

void troupe_put_text(troupe_builder *b, const char *key, const char *text) {
    if (!may_put(b, key)) return;
    put(b, key, (troupe_any){.is = TROUPE_IS_TEXT, .text = copy_text(b, text ? text : "")});
}

void troupe_put_bytes(troupe_builder *b, const char *key, const void *data, size_t size) {
    if (!may_put(b, key)) return;
    put(b, key, (troupe_any){.is = TROUPE_IS_BYTES, .bytes = troupe_build_bytes(b, data, size)});
}

void troupe_put_time(troupe_builder *b, const char *key, troupe_time time) {
    put(b, key, (troupe_any){.is = TROUPE_IS_TIME, .time = time});
}
