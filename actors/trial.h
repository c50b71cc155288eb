/* Trials: one test over many seeds, each in a process that may crash. */
#ifndef TR_ACTORS_TRIAL_H
#define TR_ACTORS_TRIAL_H

#include <troupe/simulation.h>

enum { TR_RECORD_ROOM = 1 << 22 };

/* The choices of the trial that runs, in memory that its parent sees too. */
typedef struct tr_record {
    size_t count, room;
    uint32_t made[TR_RECORD_ROOM];
} tr_record;

/* Where a simulation with that configuration records its choices; NULL: it is no trial's. */
tr_record *tr_trial_record(const troupe_sim_config *config);
/* A simulation with that configuration ends. */
void tr_trial_ended(const troupe_sim_config *config, const troupe_sim *sim);

#endif
