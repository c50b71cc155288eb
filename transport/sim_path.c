#include "transport/sim_path.h"

#include "base/check.h"
#include "base/heap.h"

tr_sim_path *tr_sim_path_of(tr_sim_path **paths, const troupe_heap *heap, uint64_t from,
                            uint64_t to) {
    tr_sim_path *at = *paths;
    while (at && (at->from != from || at->to != to)) at = at->next;
    if (at) return at;
    at = tr_take_zero(heap, sizeof *at);
    TR_CHECK(at);
    *at = (tr_sim_path){.next = *paths, .from = from, .to = to};
    return *paths = at;
}

void tr_sim_paths_fini(tr_sim_path **paths, const troupe_heap *heap) {
    for (tr_sim_path *at; (at = *paths);) {
        *paths = at->next;
        tr_give(heap, at, sizeof *at);
    }
}
