/* What the scheduler needs of its neighbours, for models of it: nothing happens there. */
#include "actors/sched.h"
#include "actors/turn.h"
#include "base/check.h"
#include "explore.h"

TR_THREAD_LOCAL tr_cache *tr_cache_mine;
tr_cache *tr_cache_use(tr_cache *cache) {
    return cache;
}
void tr_cache_init(tr_cache *cache, const tr_pool *pool) {
    (void)cache;
    (void)pool;
}
void tr_cache_flush(tr_cache *cache) {
    (void)cache;
}
bool tr_watch_start(tr_watch *watch) {
    return watch != NULL;
}
void tr_task_crowded(tr_task *task) {
    ex_check(task != NULL);
}
void tr_task_settle(struct troupe *rt, bool idle) {
    (void)rt;
    (void)idle;
}
void tr_watch_end(tr_watch *watch) {
    (void)watch;
}
void tr_watch_stir(tr_watch *watch) {
    (void)watch;
}
TR_THREAD_LOCAL tr_blocker *tr_blocking_me;

bool tr_blocking_init(tr_blocking *blocking, tr_sched *of, const troupe_heap *heap, unsigned most) {
    return blocking && of && heap && most;
}
void tr_blocking_fini(tr_blocking *blocking, const troupe_heap *heap) {
    (void)blocking;
    (void)heap;
}
void tr_blocking_put(tr_blocking *blocking, tr_task *task) {
    (void)blocking;
    ex_check(task == NULL); /* nobody blocks here */
}
void tr_blocking_end(tr_blocking *blocking) {
    (void)blocking;
}
void *tr_take_zero(const troupe_heap *heap, size_t size) {
    (void)heap;
    return ex_alloc(size);
}
void tr_give(const troupe_heap *heap, void *memory, size_t size) {
    (void)heap;
    (void)memory;
    (void)size;
}
bool tr_thread_start(tr_thread *thread, const char *name, void *(*run)(void *), void *arg) {
    return thread && name && run && arg;
}
void tr_thread_join(tr_thread *thread) {
    (void)thread;
}
uint32_t tr_thread_id(void) {
    return 1;
}
unsigned tr_cores(void) {
    return 1; /* so nobody lingers, unless a model says so */
}
void tr_pause(void) {
    ex_later(TR_MS);
}
