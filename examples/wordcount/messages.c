#include "messages.h"

const troupe_type ready_type = TROUPE_TYPE(ready, TROUPE_FIELD(ready, pid));

const troupe_type chunk_type =
    TROUPE_TYPE(chunk, TROUPE_FIELD(chunk, number), TROUPE_FIELD(chunk, pieces));

const troupe_type counts_type = TROUPE_TYPE(
    counts, TROUPE_FIELD(counts, chunk), TROUPE_FIELD(counts, last), TROUPE_FIELD(counts, words));

const troupe_type trouble_type =
    TROUPE_TYPE(trouble, TROUPE_FIELD(trouble, chunk), TROUPE_FIELD(trouble, piece),
                TROUPE_FIELD(trouble, error));

const troupe_type again_type = TROUPE_SIGNAL_TYPE("again");

const troupe_type watch_type = TROUPE_TYPE(watch, TROUPE_FIELD(watch, supervisor));

const troupe_type how_far_type = TROUPE_SIGNAL_TYPE("how far");

const troupe_type progress_type = TROUPE_TYPE(
    progress, TROUPE_FIELD(progress, done), TROUPE_FIELD(progress, bytes),
    TROUPE_FIELD(progress, chunks), TROUPE_FIELD(progress, redone), TROUPE_FIELD(progress, workers),
    TROUPE_FIELD(progress, killed), TROUPE_FIELD(progress, time), TROUPE_FIELD(progress, error));

const troupe_type fetch_type = TROUPE_TYPE(fetch, TROUPE_FIELD(fetch, at));

const troupe_type fetched_type = TROUPE_TYPE(
    fetched, TROUPE_FIELD(fetched, at), TROUPE_FIELD(fetched, last), TROUPE_FIELD(fetched, words));
