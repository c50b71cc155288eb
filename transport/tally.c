#include "transport/tally.h"

enum { LATE_MOST = 1024 }; /* signals of what an earlier connection owed, or that crossed ours */

bool tr_tally_begin(tr_tally *tally) {
    if (++tally->theirs > tally->most) tally->most = tally->theirs;
    return tally->theirs <= tally->limit;
}

void tr_tally_end(tr_tally *tally, bool theirs) {
    size_t *count = theirs ? &tally->theirs : &tally->awaited;
    if (*count) (*count)--;
}

/* A link of ours that we end stays awaited: what the peer says of it may be on its way. */
void tr_tally_said(tr_tally *tally, const tr_frame *frame) {
    const tr_frame_kind kind = frame->kind;
    const bool of_link = kind == TR_FRAME_UNLINK || (kind == TR_FRAME_EXIT && frame->number);
    if (kind == TR_FRAME_MONITOR || kind == TR_FRAME_LINK) tally->awaited++;
    if (kind == TR_FRAME_DOWN || (of_link && !frame->how)) tr_tally_end(tally, true);
}

size_t tr_tally_signals(const tr_tally *tally) {
    return tally->awaited + 2 * tally->most + LATE_MOST;
}
