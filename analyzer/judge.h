/*
 * What a resize amounts to: pure functions of a trace and of what the user
 * counts. All times are nanoseconds.
 */
#ifndef MAPTRACE_ANALYZER_JUDGE_H
#define MAPTRACE_ANALYZER_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "trace/reader.h"

struct judge_limits {
    uint64_t grace_ns;  /* how long an old array may outlive the end of its resize */
    uint64_t stall_ns;  /* how long a resize may make no progress */
    uint64_t min_bytes; /* smaller old arrays do not count */
};

enum judge_kind {
    JUDGE_FINE,       /* released in time, or does not count */
    JUDGE_UNFINISHED, /* under way when the trace ended, and not yet a finding */
    JUDGE_UNDECIDED,  /* its release may be among what was lost, or not seen in the end */
    JUDGE_LATE,
    JUDGE_STUCK,
    JUDGE_LEAKED,
};

struct judgement {
    enum judge_kind kind;
    enum trace_confidence confidence;
    uint64_t overstay_ns;
};

struct judgement judge_resize(const struct trace *trace, const struct trace_resize *resize,
                              const struct judge_limits *limits);

bool judge_is_finding(enum judge_kind kind);
const char *judge_kind_name(enum judge_kind kind); /* as in reports */

/* What is missing in a trace so that "no findings" cannot be said of it. */
enum judge_loss {
    JUDGE_LOST_EVENTS = 1u << 0,
    JUDGE_CUT_ENTRIES = 1u << 1,
    JUDGE_BAD_ENTRIES = 1u << 2,
    JUDGE_TRUNCATED = 1u << 3,
    JUDGE_GAVE_UP = 1u << 4,
    JUDGE_NOT_STARTED = 1u << 5,
    JUDGE_OVERWRITTEN = 1u << 6,
    JUDGE_UNSEEN = 1u << 7, /* nobody could look at old arrays in the end, nor shortly before */
};

/* The losses of TRACE on which a verdict depends: a set of enum judge_loss. */
unsigned judge_losses(const struct trace *trace, const struct judge_limits *limits);

#endif
