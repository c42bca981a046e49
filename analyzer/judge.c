#include "analyzer/judge.h"

static uint64_t since(uint64_t from, uint64_t to)
{
    return to > from ? to - from : 0;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static bool is_incremental(const struct trace *trace, const struct trace_resize *resize)
{
    return trace->rules[resize->rule].kind == TRACE_INCREMENTAL;
}

/* The rule says where progress stands, yet nobody could read it there (any more). */
static bool progress_missing(const struct trace *trace, const struct trace_resize *resize)
{
    return (resize->flags & TRACE_RESIZE_UNREADABLE) ||
           ((trace->rules[resize->rule].flags & TRACE_RULE_PROGRESS) &&
            resize->moved == TRACE_UNKNOWN);
}

static struct judgement verdict(const struct trace_resize *resize, enum judge_kind kind,
                                uint64_t overstay, bool lowered)
{
    enum trace_confidence confidence = resize->confidence;
    if (lowered && confidence < TRACE_INFERRED)
        confidence = TRACE_INFERRED;
    return (struct judgement){kind, confidence, overstay};
}

/*
 * The longest time in which a released incremental resize did not move. Without
 * places that show progress, none is seen between replacement and release.
 */
static uint64_t longest_stall(const struct trace_resize *resize)
{
    if (resize->moved == TRACE_UNKNOWN)
        return since(resize->replaced_ns, resize->released_ns);
    if (resize->flags & TRACE_RESIZE_UNREADABLE)
        return larger(resize->longest_stall_ns, since(resize->progress_ns, resize->released_ns));
    return resize->longest_stall_ns;
}

/*
 * An immediate resize whose end nobody saw: the grow itself may have been at
 * work for a while, up to resize_end_ns if the guest could bound it. 0: for all
 * we know, the old array did not overstay.
 */
static uint64_t unseen_overstay(const struct trace_resize *resize, uint64_t until,
                                const struct judge_limits *limits)
{
    uint64_t lived = since(resize->replaced_ns, until);
    bool over = until > resize->resize_end_ns;
    return over && lived > larger(limits->grace_ns, limits->stall_ns) ? lived : 0;
}

static struct judgement judge_released(const struct trace *trace, const struct trace_resize *resize,
                                       const struct judge_limits *limits)
{
    bool end_seen = resize->flags & TRACE_RESIZE_END_SEEN;
    uint64_t after_end = end_seen ? since(resize->resize_end_ns, resize->released_ns) : 0;
    uint64_t overstay = 0;
    bool lowered = false;
    if (after_end > limits->grace_ns)
        overstay = after_end;
    if (is_incremental(trace, resize)) {
        uint64_t stall = longest_stall(resize);
        if (stall >= limits->stall_ns && stall > overstay) {
            overstay = stall;
            lowered = progress_missing(trace, resize);
        }
    } else if (!end_seen) {
        overstay = unseen_overstay(resize, resize->released_ns, limits);
        lowered = true;
    }
    return verdict(resize, overstay ? JUDGE_LATE : JUDGE_FINE, overstay, lowered && overstay);
}

static struct judgement judge_open(const struct trace *trace, const struct trace_resize *resize,
                                   const struct judge_limits *limits)
{
    uint64_t now = trace->now_ns;
    if (resize->flags & TRACE_RESIZE_END_SEEN) {
        uint64_t overstay = since(resize->resize_end_ns, now);
        bool leaked = !trace->running || overstay > limits->grace_ns;
        return verdict(resize, leaked ? JUDGE_LEAKED : JUDGE_UNFINISHED, overstay, false);
    }
    if (is_incremental(trace, resize)) {
        uint64_t idle = since(larger(resize->progress_ns, resize->replaced_ns), now);
        bool stuck = idle >= limits->stall_ns;
        return verdict(resize, stuck ? JUDGE_STUCK : JUDGE_UNFINISHED, idle,
                       progress_missing(trace, resize));
    }
    uint64_t overstay = unseen_overstay(resize, now, limits);
    return verdict(resize, overstay ? JUDGE_LEAKED : JUDGE_UNFINISHED, overstay, true);
}

/* The release of an array that looks alive may not have been recorded. */
static bool release_may_be_lost(const struct trace *trace)
{
    return trace->header.lost_releases > 0 || (trace->header.flags & TRACE_FLAG_OFF);
}

struct judgement judge_resize(const struct trace *trace, const struct trace_resize *resize,
                              const struct judge_limits *limits)
{
    if (resize->flags & (TRACE_RESIZE_INHERITED | TRACE_RESIZE_COLLECTED) ||
        resize->old_bytes < limits->min_bytes)
        return verdict(resize, JUDGE_FINE, 0, false);
    if (resize->flags & TRACE_RESIZE_RELEASED)
        return judge_released(trace, resize, limits);
    struct judgement judgement = judge_open(trace, resize, limits);
    if (judge_is_finding(judgement.kind) &&
        (release_may_be_lost(trace) || resize->flags & TRACE_RESIZE_UNSEEN))
        judgement.kind = JUDGE_UNDECIDED;
    return judgement;
}

bool judge_is_finding(enum judge_kind kind)
{
    return kind >= JUDGE_LATE;
}

const char *judge_kind_name(enum judge_kind kind)
{
    static const char *const names[] = {"fine", "unfinished", "undecided",
                                        "late", "stuck",      "leaked"};
    return names[kind];
}

/* --- losses ------------------------------------------------------------- */

/* True if a ring has lost resizes that might have been findings, by the histograms. */
static bool overwrites_matter(const struct trace *trace, const struct judge_limits *limits)
{
    if (trace->notable.overwritten == 0 && trace->recent.overwritten == 0)
        return false;
    uint64_t limit = limits->grace_ns < limits->stall_ns ? limits->grace_ns : limits->stall_ns;
    /* The bucket that holds the limit counts as well: some of it may be above. */
    unsigned bucket = limit ? 64 - (unsigned)__builtin_clzll(limit) : 1;
    for (uint32_t rule = 0; rule < trace->rule_count; rule++) {
        uint64_t above = 0, held = 0;
        for (unsigned i = bucket; i < TRACE_HISTOGRAM_BUCKETS; i++) {
            above += trace->rules[rule].overstays[i];
            held += trace->held[rule][i];
        }
        if (above > held)
            return true;
    }
    return false;
}

/* An old array that nobody could look at in the end would be a finding. */
static bool unseen_matters(const struct trace *trace, const struct judge_limits *limits)
{
    for (size_t i = 0; i < trace->open_count; i++)
        if (trace->open[i].flags & TRACE_RESIZE_UNSEEN &&
            judge_resize(trace, &trace->open[i], limits).kind == JUDGE_UNDECIDED)
            return true;
    return false;
}

unsigned judge_losses(const struct trace *trace, const struct judge_limits *limits)
{
    unsigned losses = 0;
    if (unseen_matters(trace, limits))
        losses |= JUDGE_UNSEEN;
    if (trace_lost_events(trace))
        losses |= JUDGE_LOST_EVENTS;
    if (trace->cut_entries)
        losses |= JUDGE_CUT_ENTRIES;
    if (trace->bad_entries)
        losses |= JUDGE_BAD_ENTRIES;
    if (trace->truncated)
        losses |= JUDGE_TRUNCATED;
    if (trace->header.flags & TRACE_FLAG_OFF)
        losses |= JUDGE_GAVE_UP;
    if (trace->header.flags & TRACE_FLAG_PREPARING)
        losses |= JUDGE_NOT_STARTED;
    if (overwrites_matter(trace, limits))
        losses |= JUDGE_OVERWRITTEN;
    return losses;
}
