#include "golang/gather.h"

#include <stdio.h>
#include <string.h>

#include "golang/collections.h"
#include "golang/looks.h"

#define RULE_NAME "go-map"

enum {
    POLL_MS = 10,
    POLL_BUSY_MS = 1,  /* the ring fills */
    BUSY_PART = 16,    /* of the ring, between two polls */
    POLL_IDLE_MS = 50, /* after a while without events */
    IDLE_POLLS = 20,
};

static const uint64_t LAST_WAIT_NS = 2000000000; /* of GO_EXIT_WAIT_S, for unfinished events */

/* --- the beginning ---------------------------------------------------------------- */

void go_gather_describe(const struct go_trace *trace, const struct go_target *target)
{
    struct trace_header *header = go_trace_header(trace);
    struct trace_rule *rule = trace_entry(trace->writer, &header->rules, trace->rule);

    *rule = (struct trace_rule){
        .name = RULE_NAME,
        .about = "Go's built-in map",
        .kind = TRACE_INCREMENTAL,
        .status = TRACE_RULE_IDLE,
        .flags = TRACE_RULE_PROGRESS | TRACE_RULE_PRESENT,
        .symbols = (uint32_t)__builtin_popcount(target->hooks),
    };
    if (!(target->hooks & (GO_HOOK_GROW | GO_HOOK_SWISS)))
        rule->status = TRACE_RULE_BLIND;
    if (*target->why_not)
        snprintf(rule->reason, sizeof rule->reason, "%s", target->why_not);
    else if (target->hooks & GO_HOOK_SWISS)
        snprintf(rule->reason, sizeof rule->reason,
                 "Swiss maps (Go 1.24 and later): an old array is dropped at once, so none can be "
                 "stuck");
    __atomic_store_n(&header->rules_used, trace->rule + 1u, __ATOMIC_RELEASE);
}

/* Go 1.21 alone rounds its load factor down: 6 entries a bucket, not 6.5. */
static bool is_1_21(const char *version)
{
    return strncmp(version, "go1.21", 6) == 0 && (version[6] < '0' || version[6] > '9');
}

static int make_books(struct go_gather *gather)
{
    struct go_target *target = gather->target;

    /* Without its types a map is known by its descriptor alone. */
    if (go_types_read(&target->memory, &target->program, &gather->known_types) != 0)
        gather->known_types = (struct go_types){0};
    int error =
        go_type_ids_make(&gather->types, &gather->trace, &target->memory, &gather->known_types);
    if (!error)
        error = go_books_make(&gather->books, &gather->trace, &gather->types);
    if (!error && is_1_21(target->program.version))
        gather->books.load_halves = 12;
    return error;
}

int go_gather_begin(struct go_gather *gather, struct go_target *target,
                    const struct go_trace *trace)
{
    *gather = (struct go_gather){.target = target, .trace = *trace};
    if (target->liveness)
        go_trace_header(trace)->flags |= TRACE_FLAG_LIVENESS;
    go_gather_describe(trace, target);
    int error = make_books(gather);
    if (error)
        go_gather_free(gather);
    return error;
}

void go_gather_free(struct go_gather *gather)
{
    go_books_free(&gather->books);
    go_type_ids_free(&gather->types);
    go_types_free(&gather->known_types);
}

/* --- while it runs ------------------------------------------------------------------ */

static void take_event(void *context, const struct go_event *event, uint64_t ns)
{
    struct go_gather *gather = context;

    if (event->kind == GO_EVENT_SWISS_GROW || event->kind == GO_EVENT_SWISS_SPLIT)
        go_swiss_event(&gather->swiss, event->kind == GO_EVENT_SWISS_SPLIT,
                       go_trace_time(&gather->trace, ns));
    else
        go_books_event(&gather->books, event, ns);
}

static void drain(struct go_gather *gather, bool last)
{
    struct trace_header *header = go_trace_header(&gather->trace);
    struct go_ring *ring = &gather->target->ring;
    size_t count = go_ring_drain(ring, last, take_event, gather);

    gather->idle = count ? 0 : gather->idle + 1;
    gather->busy = count > ring->capacity / BUSY_PART;
    /* A start or an end, nobody knows: either makes a verdict uncertain. */
    header->lost_releases += ring->lost - gather->lost;
    gather->lost = ring->lost;
    header->last_ns = go_trace_now(&gather->trace);
}

/* A thread that was in the middle of an event when the program called exit may yet finish it. */
static bool is_waiting(const struct go_ring *ring)
{
    return ring->stuck_ns && ring->after.ns - ring->stuck_ns < LAST_WAIT_NS;
}

/* A program that was killed, or has waited for long enough, shows nothing any more. */
static bool is_there(const struct go_target *target)
{
    char byte;

    return memory_read(&target->memory, target->program.table, &byte, sizeof byte);
}

unsigned go_gather_poll(struct go_gather *gather)
{
    const struct go_ring *ring = &gather->target->ring;
    /* Asked first: what comes to the ring before a program's end is drained before the last look.
     */
    bool last = go_target_exiting(gather->target);

    if (gather->target->hooks & GO_HOOK_SWISS)
        go_swiss_collection(&gather->swiss, go_collections_end(&gather->trace, gather->target,
                                                               gather->books.cycles));
    drain(gather, false);
    bool waits = last && is_waiting(ring);
    if (last && !waits)
        drain(gather, true);
    go_swiss_drained(&gather->swiss);
    if (waits)
        return POLL_BUSY_MS;
    gather->books.cycles =
        go_collections_note(&gather->trace, gather->target, gather->books.cycles);
    /* An event that is not finished holds up those behind it, and memory is ahead of the books. */
    if (ring->stuck_ns == 0)
        go_look(&gather->books, &gather->target->memory, go_trace_header(&gather->trace)->last_ns,
                last);
    go_books_write(&gather->books);
    gather->looked = gather->looked || (last && is_there(gather->target));
    if (gather->busy)
        return POLL_BUSY_MS;
    return gather->idle > IDLE_POLLS ? POLL_IDLE_MS : POLL_MS;
}

/* --- the end ------------------------------------------------------------------------- */

static const uint64_t UNSEEN_NS =
    1000000000; /* since a map was looked at: it is, four times a second */

/* What was seen last may be long over: the map can have been finished, or collected. */
static void note_unseen(struct go_gather *gather)
{
    uint64_t now = go_trace_now(&gather->trace);

    if (go_target_exiting(gather->target))
        go_books_unseen(&gather->books, now);
    else if (now > UNSEEN_NS)
        go_books_unseen(&gather->books, now - UNSEEN_NS);
}

static void say_swiss(struct go_gather *gather)
{
    char line[GO_SWISS_LINE];

    trace_write_message(gather->trace.writer, line, go_swiss_say(&gather->swiss, line));
}

bool go_gather_is_unfinished(struct go_gather *gather)
{
    drain(gather, false);
    return gather->target->ring.stuck_ns != 0;
}

void go_gather_end(struct go_gather *gather)
{
    drain(gather, true);
    if (!gather->looked)
        note_unseen(gather);
    go_books_write(&gather->books);
    if (gather->swiss.grows + gather->swiss.splits)
        say_swiss(gather);
}
