#define _GNU_SOURCE
#include "golang/collector.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "golang/books.h"
#include "golang/collections.h"
#include "golang/go_trace.h"
#include "golang/image.h"
#include "golang/looks.h"

#define RULE_NAME "go-map"

enum {
    RULE = 0, /* the only one of this trace */
    POLL_MS = 10,
    POLL_BUSY_MS = 1,  /* the ring fills */
    BUSY_PART = 64,    /* of the ring, between two polls */
    POLL_IDLE_MS = 50, /* after a while without events */
    IDLE_POLLS = 20,
};

struct go_collector {
    struct go_target *target;
    struct go_trace trace;
    struct go_types known_types;
    struct go_type_ids types;
    struct go_books books;
    uint64_t swiss_grows, swiss_splits;
    uint64_t lost; /* events, that are in the header already */
    unsigned idle; /* polls without an event */
    bool busy;     /* many of them by the last one */
};

/* --- the beginning ---------------------------------------------------------------- */

static struct trace_header *header_of(const struct go_collector *collector)
{
    return collector->trace.writer.header;
}

static void describe_rule(struct go_collector *collector)
{
    const struct go_target *target = collector->target;
    struct trace_header *header = header_of(collector);
    struct trace_rule *rule = trace_entry(&collector->trace.writer, &header->rules, RULE);

    *rule = (struct trace_rule){
        .name = RULE_NAME,
        .about = "Go's built-in map",
        .kind = TRACE_INCREMENTAL,
        .status = TRACE_RULE_IDLE,
        .flags = TRACE_RULE_PROGRESS,
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
    __atomic_store_n(&header->rules_used, RULE + 1, __ATOMIC_RELEASE);
}

/* How far from where it was linked to be the program at LOW was loaded. */
static uint64_t bias_of(const struct image *image, uint64_t low)
{
    return image->memory.count ? low - (image->memory.mappings[0].low & ~(uint64_t)4095) : 0;
}

static void describe_module(struct go_collector *collector)
{
    struct trace_header *header = header_of(collector);
    const struct memory *memory = &collector->target->memory;
    struct trace_module *module = trace_entry(&collector->trace.writer, &header->modules, 0);
    char path[64];
    struct image image;

    *module = (struct trace_module){.flags = TRACE_MODULE_GO};
    for (size_t i = 0; i < memory->count; i++) {
        if (!memory->mappings[i].program)
            continue;
        if (!module->low)
            module->low = memory->mappings[i].low;
        module->high = memory->mappings[i].high;
    }
    size_t length = strlen(memory->program);
    module->path_cut = length >= sizeof module->path;
    memcpy(module->path, memory->program, module->path_cut ? sizeof module->path - 1 : length);

    snprintf(path, sizeof path, "/proc/%d/exe", (int)collector->target->pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && image_open(&image, fd) == 0) {
        module->bias = bias_of(&image, module->low);
        module->build_id_bytes = (uint32_t)image_build_id(&image, module->build_id);
        image_close(&image);
    }
    if (fd >= 0)
        close(fd);
    __atomic_store_n(&header->modules_used, 1, __ATOMIC_RELEASE);
}

/* Go 1.21 alone rounds its load factor down: 6 entries a bucket, not 6.5. */
static bool is_1_21(const char *version)
{
    return strncmp(version, "go1.21", 6) == 0 && (version[6] < '0' || version[6] > '9');
}

static int make_books(struct go_collector *collector)
{
    struct go_target *target = collector->target;

    /* Without its types a map is known by its descriptor alone. */
    if (go_types_read(&target->memory, &target->program, &collector->known_types) != 0)
        collector->known_types = (struct go_types){0};
    int error = go_type_ids_make(&collector->types, &collector->trace, &target->memory,
                                 &collector->known_types);
    if (!error)
        error = go_books_make(&collector->books, &collector->trace, &collector->types, RULE);
    if (!error && is_1_21(target->program.version))
        collector->books.load_halves = 12;
    return error;
}

/* Maps that were in the middle of a resize when we came. */
static void find_open_maps(struct go_collector *collector)
{
    const struct memory *memory = &collector->target->memory;
    struct go_open_maps maps;

    if (go_open_maps_find(memory, &collector->known_types, &maps) != 0)
        return;
    for (size_t i = 0; i < maps.count; i++)
        go_books_found(&collector->books, &maps.items[i]);
    go_open_maps_free(&maps);
}

static void free_collector(struct go_collector *collector)
{
    go_books_free(&collector->books);
    go_type_ids_free(&collector->types);
    go_types_free(&collector->known_types);
    go_trace_close(&collector->trace);
    free(collector);
}

int go_collector_open(struct go_collector **result, struct go_target *target, const char *path,
                      char *const *command)
{
    struct go_collector *collector = calloc(1, sizeof *collector);

    if (!collector)
        return -ENOMEM;
    collector->target = target;
    /* As large a trace as the wish for the ring was. */
    int error =
        go_trace_make(&collector->trace, path, target->pid, command,
                      target->ring.capacity * sizeof(struct go_event), target->ring.before.ns);
    if (error) {
        free(collector);
        return error;
    }
    struct trace_header *header = header_of(collector);
    header->flags =
        (target->liveness ? TRACE_FLAG_LIVENESS : 0) | (target->attached ? TRACE_FLAG_ATTACHED : 0);
    if (target->root) {
        header->root_pid = (uint32_t)target->root;
        header->flags |= TRACE_FLAG_DESCENDANT;
    }
    describe_rule(collector);
    describe_module(collector);
    error = make_books(collector);
    if (error) {
        free_collector(collector);
        return error;
    }
    if (target->attached)
        find_open_maps(collector);
    *result = collector;
    return 0;
}

/* --- while it runs ------------------------------------------------------------------ */

static void take_event(void *context, const struct go_event *event, uint64_t ns)
{
    struct go_collector *collector = context;

    if (event->kind == GO_EVENT_SWISS_GROW)
        collector->swiss_grows++;
    else if (event->kind == GO_EVENT_SWISS_SPLIT)
        collector->swiss_splits++;
    else
        go_books_event(&collector->books, event, ns);
}

static void drain(struct go_collector *collector, bool last)
{
    struct trace_header *header = header_of(collector);
    struct go_ring *ring = &collector->target->ring;
    size_t count = go_ring_drain(ring, last, take_event, collector);

    collector->idle = count ? 0 : collector->idle + 1;
    collector->busy = count > ring->capacity / BUSY_PART;
    /* A start or an end, nobody knows: either makes a verdict uncertain. */
    header->lost_releases += ring->lost - collector->lost;
    collector->lost = ring->lost;
    header->last_ns = go_trace_now(&collector->trace);
}

unsigned go_collector_poll(struct go_collector *collector)
{
    /* Asked first: what comes to the ring before a program's end is drained before the last look.
     */
    bool last = go_target_exiting(collector->target);

    drain(collector, last);
    collector->books.cycles =
        go_collections_note(&collector->trace, collector->target, collector->books.cycles);
    /* An event that is not finished holds up those behind it, and memory is ahead of the books. */
    if (last || collector->target->ring.stuck_ns == 0)
        go_look(&collector->books, &collector->target->memory, header_of(collector)->last_ns, last);
    go_books_write(&collector->books);
    if (collector->busy)
        return POLL_BUSY_MS;
    return collector->idle > IDLE_POLLS ? POLL_IDLE_MS : POLL_MS;
}

/* --- the end ------------------------------------------------------------------------- */

static void note_end(struct trace_header *header, int wait_status)
{
    header->end_ns = header->last_ns;
    header->end_status =
        (uint32_t)(WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status));
    __atomic_store_n(&header->end, WIFSIGNALED(wait_status) ? TRACE_END_SIGNAL : TRACE_END_EXIT,
                     __ATOMIC_RELEASE);
}

static void note_detached(struct trace_header *header)
{
    header->end_ns = header->last_ns;
    __atomic_store_n(&header->end, TRACE_END_DETACHED, __ATOMIC_RELEASE);
}

int go_collector_close(struct go_collector *collector, int wait_status)
{
    drain(collector, true);
    go_books_write(&collector->books);
    if (collector->swiss_grows + collector->swiss_splits)
        go_trace_message(&collector->trace,
                         "Swiss maps: %" PRIu64 " tables were replaced by larger ones, and %" PRIu64
                         " were split",
                         collector->swiss_grows, collector->swiss_splits);
    if (wait_status != -1)
        note_end(header_of(collector), wait_status);
    else if (kill(collector->target->pid, 0) == 0)
        note_detached(header_of(collector));
    free_collector(collector);
    return 0;
}
