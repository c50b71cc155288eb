#include "actors/fold.h"

void tr_folds_init(tr_folds *folds) {
    *folds = (tr_folds){.used = 0};
    tr_mutex_init(&folds->lock);
}

void tr_folds_fini(tr_folds *folds) {
    tr_mutex_fini(&folds->lock);
}

static bool alike(const tr_fold *fold, const troupe_report *report) {
    return fold->kind == report->kind && fold->behaviour == report->behaviour &&
           fold->file == report->file && fold->line == report->line && fold->why == report->why;
}

/* The one of its like; else a new one, in the place of the one that was told longest ago if all are
 * used, which `*out` gets. */
static tr_fold *find(tr_folds *folds, const troupe_report *report, tr_fold *out, bool *fresh) {
    tr_fold *oldest = folds->fold;
    for (tr_fold *fold = folds->fold; fold < folds->fold + folds->used; fold++) {
        *fresh = false;
        if (alike(fold, report)) return fold;
        if (fold->since < oldest->since) oldest = fold;
    }
    *fresh = true;
    if (folds->used < TR_FOLDS) return &folds->fold[folds->used++];
    *out = *oldest;
    return oldest;
}

bool tr_folds_tell(tr_folds *folds, troupe_report *report, uint64_t within, tr_fold *out) {
    bool fresh;
    out->more = 0;
    tr_lock(&folds->lock);
    tr_fold *fold = find(folds, report, out, &fresh);
    bool tell = fresh || report->at - fold->since >= within;
    if (tell) {
        report->more = fresh ? 0 : fold->more;
        *fold = (tr_fold){report->kind,
                          report->behaviour,
                          report->file,
                          report->line,
                          report->why,
                          report->at,
                          0};
    } else {
        fold->more++;
    }
    tr_unlock(&folds->lock);
    return tell;
}

bool tr_folds_take(tr_folds *folds, tr_fold *out) {
    tr_lock(&folds->lock);
    out->more = 0;
    while (folds->used > 0 && !out->more) *out = folds->fold[--folds->used];
    tr_unlock(&folds->lock);
    return out->more != 0;
}
