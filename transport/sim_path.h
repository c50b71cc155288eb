/* Paths of a simulated network: how it goes from one node to another. */
#ifndef TR_TRANSPORT_SIM_PATH_H
#define TR_TRANSPORT_SIM_PATH_H

#include <stdint.h>
#include <troupe/heap.h>

typedef struct tr_sim_path {
    struct tr_sim_path *next;
    uint64_t from, to;
    uint64_t cut_until; /* virtual ns; nothing passes before */
    uint64_t extra_ns;  /* that everything takes longer */
} tr_sim_path;

/* The path from one node to another, made at first use; kept until `tr_sim_paths_fini`. */
tr_sim_path *tr_sim_path_of(tr_sim_path **paths, const troupe_heap *heap, uint64_t from,
                            uint64_t to);
/* Frees them all. */
void tr_sim_paths_fini(tr_sim_path **paths, const troupe_heap *heap);

#endif
