/* analyzer/judge.c against the words of the design: each row is one resize and what it amounts to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analyzer/judge.h"

#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)
#define NEVER 0 /* for times that were not seen */
#define NO_PLACES TRACE_UNKNOWN

static const struct judge_limits limits = {.grace_ns = 100 * MS, .stall_ns = S, .min_bytes = 1};

enum rule { IMMEDIATE, INCREMENTAL, REALLOC, PROGRESS };

static struct trace_rule rules[] = {
    [IMMEDIATE] = {.name = "immediate", .kind = TRACE_IMMEDIATE},
    [INCREMENTAL] = {.name = "incremental", .kind = TRACE_INCREMENTAL},
    [REALLOC] = {.name = "realloc", .kind = TRACE_REALLOC},
    [PROGRESS] = {.name = "progress", .kind = TRACE_INCREMENTAL, .flags = TRACE_RULE_PROGRESS},
};

static struct trace ended_at(uint64_t now)
{
    struct trace trace = {.rules = rules, .rule_count = 4, .now_ns = now};
    trace.header.end = TRACE_END_EXIT;
    return trace;
}

static struct trace running_at(uint64_t now)
{
    struct trace trace = ended_at(now);
    trace.header.end = TRACE_END_NONE;
    trace.running = true;
    return trace;
}

/* Replaced at REPLACED; END and RELEASED may be NEVER. */
static struct trace_resize resize_of(enum rule rule, uint64_t replaced, uint64_t end,
                                     uint64_t released)
{
    return (struct trace_resize){.rule = (uint16_t)rule,
                                 .old_bytes = 4096,
                                 .replaced_ns = replaced,
                                 .resize_end_ns = end,
                                 .released_ns = released,
                                 .flags = (end ? TRACE_RESIZE_END_SEEN : 0) |
                                          (released ? TRACE_RESIZE_RELEASED : 0),
                                 .moved = NO_PLACES,
                                 .of = NO_PLACES,
                                 .progress_ns = replaced};
}

static void expect(const struct trace *trace, struct trace_resize resize, enum judge_kind kind,
                   uint64_t overstay, enum trace_confidence confidence)
{
    struct judgement judgement = judge_resize(trace, &resize, &limits);
    assert_string_equal(judge_kind_name(judgement.kind), judge_kind_name(kind));
    if (kind != JUDGE_FINE && kind != JUDGE_UNFINISHED)
        assert_int_equal(judgement.overstay_ns, overstay);
    assert_int_equal(judgement.confidence, confidence);
}

static void released_immediate(void **state)
{
    (void)state;
    struct trace trace = ended_at(60 * S);
    for (enum rule rule = IMMEDIATE; rule <= REALLOC; rule += REALLOC) {
        /* Before, at and after the end of the resize. */
        expect(&trace, resize_of(rule, S, S + 2, S + 1), JUDGE_FINE, 0, TRACE_EXACT);
        expect(&trace, resize_of(rule, S, 2 * S, 2 * S), JUDGE_FINE, 0, TRACE_EXACT);
        expect(&trace, resize_of(rule, S, 2 * S, 2 * S + 100 * MS), JUDGE_FINE, 0, TRACE_EXACT);
        expect(&trace, resize_of(rule, S, 2 * S, 2 * S + 100 * MS + 1), JUDGE_LATE, 100 * MS + 1,
               TRACE_EXACT);
        /* A grow may take long; only what comes after it counts. */
        expect(&trace, resize_of(rule, S, 9 * S, 9 * S), JUDGE_FINE, 0, TRACE_EXACT);
        /* Its end was not seen: the longer of grace and stall must have passed. */
        expect(&trace, resize_of(rule, S, NEVER, 2 * S), JUDGE_FINE, 0, TRACE_EXACT);
        expect(&trace, resize_of(rule, S, NEVER, 2 * S + 1), JUDGE_LATE, S + 1, TRACE_INFERRED);
    }
}

static void open_immediate(void **state)
{
    (void)state;
    struct trace ended = ended_at(3 * S), running = running_at(3 * S);
    /* A process that has ended leaks whatever it leaves, however short a time. */
    expect(&ended, resize_of(IMMEDIATE, S, 3 * S - 1, NEVER), JUDGE_LEAKED, 1, TRACE_EXACT);
    expect(&running, resize_of(IMMEDIATE, S, 3 * S - 100 * MS, NEVER), JUDGE_UNFINISHED, 0,
           TRACE_EXACT);
    expect(&running, resize_of(IMMEDIATE, S, 3 * S - 101 * MS, NEVER), JUDGE_LEAKED, 101 * MS,
           TRACE_EXACT);
    /* Its end was not seen: the grow may still be running. */
    expect(&ended, resize_of(IMMEDIATE, 2 * S, NEVER, NEVER), JUDGE_UNFINISHED, 0, TRACE_INFERRED);
    expect(&ended, resize_of(IMMEDIATE, S, NEVER, NEVER), JUDGE_LEAKED, 2 * S, TRACE_INFERRED);
    expect(&running, resize_of(IMMEDIATE, S, NEVER, NEVER), JUDGE_LEAKED, 2 * S, TRACE_INFERRED);
    /* ... as long as the guest gave it, at most. */
    struct trace_resize bounded = resize_of(IMMEDIATE, S, NEVER, NEVER);
    bounded.resize_end_ns = 3 * S;
    expect(&ended, bounded, JUDGE_UNFINISHED, 0, TRACE_INFERRED);
    bounded.resize_end_ns = 3 * S - 1;
    expect(&ended, bounded, JUDGE_LEAKED, 2 * S, TRACE_INFERRED);
}

static void open_incremental(void **state)
{
    (void)state;
    struct trace ended = ended_at(10 * S), running = running_at(10 * S);
    struct trace_resize resize = resize_of(PROGRESS, S, NEVER, NEVER);
    resize.moved = 17;
    resize.of = 64;
    resize.progress_ns = 9 * S;
    expect(&ended, resize, JUDGE_STUCK, S, TRACE_EXACT);
    expect(&running, resize, JUDGE_STUCK, S, TRACE_EXACT);
    resize.progress_ns = 9 * S + 1;
    expect(&ended, resize, JUDGE_UNFINISHED, 0, TRACE_EXACT);
    expect(&running, resize, JUDGE_UNFINISHED, 0, TRACE_EXACT);
    /* All buckets have moved, yet the old array stays: that is a leak. */
    resize.flags |= TRACE_RESIZE_END_SEEN;
    resize.resize_end_ns = 9 * S + 1;
    expect(&ended, resize, JUDGE_LEAKED, S - 1, TRACE_EXACT);
    /* Without places that show progress, none is seen after the replacement. */
    expect(&ended, resize_of(INCREMENTAL, 8 * S, NEVER, NEVER), JUDGE_STUCK, 2 * S, TRACE_EXACT);
    expect(&ended, resize_of(INCREMENTAL, 10 * S - MS, NEVER, NEVER), JUDGE_UNFINISHED, 0,
           TRACE_EXACT);
}

static void released_incremental(void **state)
{
    (void)state;
    struct trace trace = ended_at(60 * S);
    struct trace_resize resize = resize_of(PROGRESS, S, 5 * S, 5 * S);
    resize.moved = resize.of = 64;
    resize.longest_stall_ns = S - 1;
    expect(&trace, resize, JUDGE_FINE, 0, TRACE_EXACT);
    resize.longest_stall_ns = S;
    expect(&trace, resize, JUDGE_LATE, S, TRACE_EXACT);
    resize.longest_stall_ns = 0;
    resize.released_ns = 5 * S + 200 * MS;
    expect(&trace, resize, JUDGE_LATE, 200 * MS, TRACE_EXACT);
    /* The longer of the two tells how long it overstayed. */
    resize.longest_stall_ns = 3 * S;
    expect(&trace, resize, JUDGE_LATE, 3 * S, TRACE_EXACT);
    resize.released_ns = 9 * S;
    expect(&trace, resize, JUDGE_LATE, 4 * S, TRACE_EXACT);
    expect(&trace, resize_of(INCREMENTAL, S, NEVER, 2 * S - 1), JUDGE_FINE, 0, TRACE_EXACT);
    expect(&trace, resize_of(INCREMENTAL, S, NEVER, 2 * S), JUDGE_LATE, S, TRACE_EXACT);
}

static void progress_that_cannot_be_read(void **state)
{
    (void)state;
    struct trace trace = ended_at(10 * S);
    struct trace_resize resize = resize_of(PROGRESS, S, NEVER, NEVER);
    expect(&trace, resize, JUDGE_STUCK, 9 * S, TRACE_INFERRED);
    resize.moved = 3;
    resize.of = 64;
    expect(&trace, resize, JUDGE_STUCK, 9 * S, TRACE_EXACT);
    resize.flags |= TRACE_RESIZE_UNREADABLE;
    expect(&trace, resize, JUDGE_STUCK, 9 * S, TRACE_INFERRED);
    /* What was ambiguous does not become surer. */
    resize.confidence = TRACE_AMBIGUOUS;
    expect(&trace, resize, JUDGE_STUCK, 9 * S, TRACE_AMBIGUOUS);
    resize.confidence = TRACE_EXACT;
    resize.flags |= TRACE_RESIZE_RELEASED;
    resize.released_ns = 4 * S;
    resize.longest_stall_ns = 10 * MS;
    expect(&trace, resize, JUDGE_LATE, 3 * S, TRACE_INFERRED);
}

static void not_judged(void **state)
{
    (void)state;
    struct trace trace = ended_at(10 * S);
    struct trace_resize resize = resize_of(IMMEDIATE, S, 2 * S, NEVER);
    resize.flags |= TRACE_RESIZE_INHERITED;
    expect(&trace, resize, JUDGE_FINE, 0, TRACE_EXACT);
    resize = resize_of(IMMEDIATE, S, 2 * S, NEVER);
    struct judge_limits large = limits;
    large.min_bytes = 4097;
    assert_int_equal(judge_resize(&trace, &resize, &large).kind, JUDGE_FINE);
    large.min_bytes = 4096;
    assert_int_equal(judge_resize(&trace, &resize, &large).kind, JUDGE_LEAKED);
}

static void limits_of_zero(void **state)
{
    (void)state;
    const struct judge_limits zero = {.min_bytes = 1};
    struct trace running = running_at(10 * S);
    struct trace_resize prompt = resize_of(IMMEDIATE, S, 2 * S, 2 * S);
    assert_int_equal(judge_resize(&running, &prompt, &zero).kind, JUDGE_FINE);
    struct trace_resize after = resize_of(IMMEDIATE, S, 2 * S, 2 * S + 1);
    assert_int_equal(judge_resize(&running, &after, &zero).kind, JUDGE_LATE);
    struct trace_resize open = resize_of(INCREMENTAL, 10 * S, NEVER, NEVER);
    assert_int_equal(judge_resize(&running, &open, &zero).kind, JUDGE_STUCK);
}

static void times_that_make_no_sense(void **state)
{
    (void)state;
    struct trace trace = ended_at(S);
    expect(&trace, resize_of(IMMEDIATE, 5 * S, 6 * S, 4 * S), JUDGE_FINE, 0, TRACE_EXACT);
    expect(&trace, resize_of(INCREMENTAL, 5 * S, NEVER, 4 * S), JUDGE_FINE, 0, TRACE_EXACT);
    expect(&trace, resize_of(INCREMENTAL, 5 * S, NEVER, NEVER), JUDGE_UNFINISHED, 0, TRACE_EXACT);
    expect(&trace, resize_of(IMMEDIATE, 0, UINT64_MAX, NEVER), JUDGE_LEAKED, 0, TRACE_EXACT);
}

static void lost_releases_leave_leaks_undecided(void **state)
{
    (void)state;
    struct trace trace = ended_at(10 * S);
    trace.header.lost_releases = 1;
    expect(&trace, resize_of(IMMEDIATE, S, 2 * S, NEVER), JUDGE_UNDECIDED, 8 * S, TRACE_EXACT);
    expect(&trace, resize_of(INCREMENTAL, S, NEVER, NEVER), JUDGE_UNDECIDED, 9 * S, TRACE_EXACT);
    /* What was seen to be released stays what it was. */
    expect(&trace, resize_of(IMMEDIATE, S, 2 * S, 5 * S), JUDGE_LATE, 3 * S, TRACE_EXACT);
    trace.header.lost_releases = 0;
    trace.header.flags = TRACE_FLAG_OFF;
    expect(&trace, resize_of(IMMEDIATE, S, 2 * S, NEVER), JUDGE_UNDECIDED, 8 * S, TRACE_EXACT);
    trace.header.flags = 0;
    trace.header.lost_arrays = trace.header.lost_stacks = 1;
    expect(&trace, resize_of(IMMEDIATE, S, 2 * S, NEVER), JUDGE_LEAKED, 8 * S, TRACE_EXACT);
}

/* --- losses --------------------------------------------------------------------- */

static void losses_of_a_trace(void **state)
{
    (void)state;
    struct trace trace = ended_at(S);
    assert_int_equal(judge_losses(&trace, &limits), 0);
    trace.header.lost_stacks = 5;
    trace.header.flags = TRACE_FLAG_DESCENDANT | TRACE_FLAG_FORKED | TRACE_FLAG_SANDBOXED;
    assert_int_equal(judge_losses(&trace, &limits), 0);
    trace.header.lost_arrays = 1;
    assert_int_equal(judge_losses(&trace, &limits), JUDGE_LOST_EVENTS);
    trace.header.lost_arrays = 0;
    trace.header.lost_releases = 1;
    assert_int_equal(judge_losses(&trace, &limits), JUDGE_LOST_EVENTS);
    trace.header.lost_releases = 0;
    trace.cut_entries = trace.bad_entries = 1;
    trace.truncated = true;
    trace.header.flags = TRACE_FLAG_OFF | TRACE_FLAG_PREPARING;
    assert_int_equal(judge_losses(&trace, &limits), JUDGE_CUT_ENTRIES | JUDGE_BAD_ENTRIES |
                                                        JUDGE_TRUNCATED | JUDGE_GAVE_UP |
                                                        JUDGE_NOT_STARTED);
}

static unsigned bucket_of(uint64_t ns)
{
    return ns ? 64 - (unsigned)__builtin_clzll(ns) : 0;
}

static void overwrites_matter_by_the_histogram(void **state)
{
    (void)state;
    struct trace_rule rule[1] = {{.kind = TRACE_IMMEDIATE}};
    struct trace trace = ended_at(60 * S);
    struct trace_resize late = resize_of(IMMEDIATE, S, 2 * S, 3 * S); /* by a second */
    uint64_t held[1][TRACE_HISTOGRAM_BUCKETS] = {0};
    trace.rules = rule;
    trace.rule_count = 1;
    trace.held = held;
    held[0][trace_overstay_bucket(&late)] = 1;
    rule->overstays[bucket_of(S)] = 1;
    rule->overstays[0] = rule->overstays[bucket_of(50 * MS)] = 1000;

    /* All that stayed long is still there; what was overwritten was short. */
    trace.notable.overwritten = trace.recent.overwritten = 1000;
    assert_int_equal(judge_losses(&trace, &limits), 0);
    rule->overstays[bucket_of(S)] = 2;
    assert_int_equal(judge_losses(&trace, &limits), JUDGE_OVERWRITTEN);
    rule->overstays[bucket_of(S)] = 1;
    /* A bucket that holds the limit may hold findings. */
    rule->overstays[bucket_of(limits.grace_ns)] = 1;
    assert_int_equal(judge_losses(&trace, &limits), JUDGE_OVERWRITTEN);
    /* Nothing was overwritten: nothing is missing, whatever the histogram says. */
    trace.notable.overwritten = trace.recent.overwritten = 0;
    assert_int_equal(judge_losses(&trace, &limits), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(released_immediate),
        cmocka_unit_test(open_immediate),
        cmocka_unit_test(open_incremental),
        cmocka_unit_test(released_incremental),
        cmocka_unit_test(progress_that_cannot_be_read),
        cmocka_unit_test(not_judged),
        cmocka_unit_test(limits_of_zero),
        cmocka_unit_test(times_that_make_no_sense),
        cmocka_unit_test(lost_releases_leave_leaks_undecided),
        cmocka_unit_test(losses_of_a_trace),
        cmocka_unit_test(overwrites_matter_by_the_histogram),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
