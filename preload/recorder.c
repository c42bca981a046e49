#define _GNU_SOURCE
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../trace/layout.h"
#include "../trace/writer.h"
#include "clock.h"
#include "modules.h"
#include "origin.h"
#include "pages.h"
#include "raw.h"
#include "room.h"
#include "sandbox.h"

#define NOTABLE_NS 1000000u /* a shorter overstay is only worth a line in the recent ring */

static char *base; /* the whole layout, in private memory or in the file */
static struct trace_writer writer;
static void *stack_links;
static size_t all_bytes;
bool sandbox_entered;
static bool has_file, clock_stopped;
static bool shared; /* of live entries every other one is a Go map's: golang/go_trace.h */
static char path[4096];

struct trace_header *recorder_header(void)
{
    return (struct trace_header *)base;
}

static void *entry(const struct trace_region *region, uint64_t index)
{
    return trace_entry(&writer, region, index);
}

static bool has_room(void *context, const struct trace_region *region, uint64_t entries)
{
    (void)context;
    return room_for(region, entries);
}

struct trace_rule *recorder_rule(unsigned index)
{
    return index < recorder_header()->rules.capacity ? entry(&recorder_header()->rules, index)
                                                     : NULL;
}

static void copy_text(char *to, const char *from, size_t room)
{
    size_t length = strnlen(from, room - 1);

    memcpy(to, from, length);
    to[length] = 0;
}

uint64_t recorder_now(void)
{
    /* Strict seccomp takes the time stamp counter away: reading a clock would kill. */
    if (clock_stopped)
        return recorder_header()->last_ns + 1;
    return clock_ns(CLOCK_MONOTONIC) - recorder_header()->start_monotonic_ns;
}

int recorder_prepare(const struct recorder_plan *plan)
{
    struct trace_header layout = {0};
    size_t bytes =
        layout_place(&layout, plan->ring_bytes, plan->shared ? LAYOUT_OF_BOTH : LAYOUT_OF_TABLES);

    if (!base) {
        base = pages_map(bytes);
        stack_links = pages_map(trace_stacks_bytes(layout.stacks.capacity));
        if (!base || !stack_links) {
            pages_unmap(base, bytes);
            pages_unmap(stack_links, trace_stacks_bytes(layout.stacks.capacity));
            base = NULL;
            return -ENOMEM;
        }
        pages_are_books(base, bytes);
        all_bytes = bytes;
    }
    struct trace_header *header = recorder_header();
    *header = layout;
    memcpy(header->magic, TRACE_MAGIC, sizeof header->magic);
    header->version = TRACE_VERSION;
    header->header_bytes = sizeof *header;
    header->file_bytes = bytes;
    header->flags = plan->flags;
    header->notable_ns = NOTABLE_NS;
    room_private(header);
    shared = plan->shared;
    writer.header = header;
    writer.room = has_room;
    trace_stacks_start(&writer, stack_links, layout.stacks.capacity);
    origin_describe(header, plan->root_pid);
    copy_text(path, plan->path, sizeof path);
    return 0;
}

int recorder_leave(const struct recorder_plan *plan)
{
    struct trace_header *header = recorder_header();
    uint32_t rules_used = header->rules_used;
    size_t kept = header->rules.capacity * header->rules.entry_bytes;
    struct trace_rule *rules = pages_map(kept);

    if (!rules)
        return -ENOMEM;
    memcpy(rules, recorder_rule(0), rules_used * sizeof *rules);
    long mapped = raw_mmap(base, all_bytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    if (raw_failed(mapped)) {
        pages_unmap(rules, kept);
        return (int)mapped;
    }
    has_file = false;
    int error = recorder_prepare(plan);
    if (!error) {
        header->rules_used = rules_used;
        memcpy(recorder_rule(0), rules, rules_used * sizeof *rules);
        for (uint32_t i = 0; i < rules_used; i++) {
            struct trace_rule *rule = recorder_rule(i);

            rule->arrays = rule->resizes = 0;
            if (rule->status == TRACE_RULE_ACTIVE)
                rule->status = TRACE_RULE_IDLE;
            memset(rule->overstays, 0, sizeof rule->overstays);
            memset(rule->run_status, 0, sizeof rule->run_status);
        }
        for (size_t i = 0; i < modules_count(); i++)
            modules_at(i)->trace_index = recorder_module(modules_at(i));
    }
    pages_unmap(rules, kept);
    return error;
}

static void keep_old(void)
{
    char old[sizeof path + 4];
    struct stat status;

    /* Only what can be a trace is renamed: never a directory, a device or a link. */
    if (raw_call(SYS_newfstatat, AT_FDCWD, (long)path, (long)&status, AT_SYMLINK_NOFOLLOW, 0, 0) ||
        !S_ISREG(status.st_mode))
        return;
    snprintf(old, sizeof old, "%s.old", path);
    raw_call(SYS_rename, (long)path, (long)old, 0, 0, 0, 0);
}

static uint64_t ring_used(const struct trace_region *ring, uint64_t written)
{
    return (written < ring->capacity ? written : ring->capacity) * ring->entry_bytes;
}

/*
 * What is in each region. Live entries are not
 * counted: their owners publish them again.
 */
static void count_used(uint64_t used[LAYOUT_REGIONS])
{
    const struct trace_header *header = recorder_header();
    const uint64_t bytes[LAYOUT_REGIONS] = {
        header->rules_used * sizeof(struct trace_rule),
        header->modules_used * sizeof(struct trace_module),
        header->stack_words_used * sizeof(uint64_t),
        0,
        0,
        ring_used(&header->notable, header->notable_written),
        ring_used(&header->recent, header->recent_written),
        header->message_bytes,
        header->types_used * sizeof(struct trace_type),
        header->sites_used * sizeof(struct trace_site),
        (header->collections_written < header->collections.capacity
             ? header->collections_written
             : header->collections.capacity) *
            sizeof(struct trace_collection),
    };

    memcpy(used, bytes, sizeof bytes);
}

static int copy_bytes(int fd, uint64_t offset, uint64_t bytes)
{
    if (!bytes)
        return 0;
    long wrote = raw_call(SYS_pwrite64, fd, (long)(base + offset), (long)bytes, (long)offset, 0, 0);

    if (wrote == (long)bytes)
        return 0;
    return raw_failed(wrote) ? (int)wrote : -ENOSPC;
}

/* Gives the file at FD its room and what was recorded so far. */
static int fill_file(int fd)
{
    struct trace_header *header = recorder_header();
    uint64_t used[LAYOUT_REGIONS];

    count_used(used);
    int error = room_of_file(fd, used);
    if (!error)
        error = copy_bytes(fd, 0, sizeof *header);
    for (unsigned i = 0; i < LAYOUT_REGIONS && !error; i++)
        error = copy_bytes(fd, layout_region(header, i)->offset, used[i]);
    return error;
}

int recorder_begin(void)
{
    struct trace_header *header = recorder_header();

    if (has_file)
        return 0;
    if (!sandbox_may_call())
        return -EPERM;
    if (!(header->flags & TRACE_FLAG_DESCENDANT))
        keep_old();
    long fd = raw_open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (raw_failed(fd))
        return (int)fd;
    int error = fill_file((int)fd);
    if (!error) {
        long mapped =
            raw_mmap(base, all_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, (int)fd, 0);
        if (raw_failed(mapped))
            error = (int)mapped;
        else
            room_mapped(base, all_bytes);
    }
    raw_close((int)fd);
    if (error) {
        room_private(header);
        raw_call(SYS_unlink, (long)path, 0, 0, 0, 0, 0);
    } else {
        has_file = true;
    }
    return error;
}

bool recorder_has_file(void)
{
    return has_file;
}

const char *recorder_path(void)
{
    return path;
}

static uint32_t slot_of(uint32_t index)
{
    return shared ? 2 * index : index;
}

bool recorder_array_fits(uint32_t index)
{
    return room_for(&recorder_header()->arrays, (uint64_t)slot_of(index) + 1);
}

bool recorder_resize_fits(uint32_t index)
{
    return room_for(&recorder_header()->resizes, (uint64_t)slot_of(index) + 1);
}

uint32_t recorder_array_room(void)
{
    return recorder_header()->arrays.capacity / (shared ? 2 : 1);
}

uint32_t recorder_resize_room(void)
{
    return recorder_header()->resizes.capacity / (shared ? 2 : 1);
}

struct trace_writer *recorder_writer(void)
{
    return &writer;
}

void recorder_array(uint32_t index, const struct trace_array *array)
{
    trace_write_array(&writer, slot_of(index), array);
}

void recorder_resize(uint32_t index, const struct trace_resize *resize)
{
    trace_write_resize(&writer, slot_of(index), resize);
}

void recorder_finished(const struct trace_resize *resize)
{
    trace_write_finished(&writer, resize);
}

uint32_t recorder_module(const struct module *module)
{
    struct trace_header *header = recorder_header();
    uint32_t index = header->modules_used;

    if (index >= header->modules.capacity || !room_for(&header->modules, (uint64_t)index + 1))
        return TRACE_NO_MODULE;
    struct trace_module *to = entry(&header->modules, index);
    *to = (struct trace_module){
        .low = module->low,
        .high = module->high,
        .bias = module->bias,
        .loaded_ns = recorder_now(),
        .build_id_bytes = module->build_id_bytes,
    };
    memcpy(to->build_id, module->build_id, sizeof to->build_id);
    copy_text(to->path, module->path, sizeof to->path);
    if (module->gone)
        to->unloaded_ns = to->loaded_ns + 1;
    __atomic_store_n(&header->modules_used, index + 1, __ATOMIC_RELEASE);
    return index;
}

void recorder_module_gone(const struct module *module)
{
    if (module->trace_index != TRACE_NO_MODULE) {
        struct trace_module *entry_of = entry(&recorder_header()->modules, module->trace_index);

        entry_of->unloaded_ns = recorder_now() + 1;
    }
}

void recorder_module_is_go(const struct module *module, const char *id, size_t bytes)
{
    if (module->trace_index == TRACE_NO_MODULE)
        return;
    struct trace_module *to = entry(&recorder_header()->modules, module->trace_index);
    to->flags |= TRACE_MODULE_GO;
    if (!to->build_id_bytes && id) {
        to->build_id_bytes = (uint32_t)(bytes < sizeof to->build_id ? bytes : sizeof to->build_id);
        memcpy(to->build_id, id, to->build_id_bytes);
    }
}

uint32_t recorder_stack(const uint64_t *frames, uint32_t count)
{
    return trace_write_stack(&writer, frames, count);
}

void recorder_message(const char *format, ...)
{
    char line[512];
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    if (length > (int)sizeof line - 2)
        length = (int)sizeof line - 2;
    line[length++] = '\n';
    trace_write_message(&writer, line, (size_t)length);
}

void recorder_end(void)
{
    struct trace_header *header = recorder_header();

    header->end_ns = header->last_ns = recorder_now();
    __atomic_store_n(&header->end, TRACE_END_EXIT, __ATOMIC_RELEASE);
}

void recorder_sandboxed(bool strict)
{
    if (strict && !clock_stopped && base) {
        recorder_header()->last_ns = recorder_now();
        clock_stopped = true;
        recorder_message("the program entered strict seccomp: times stand still from then on");
    }
    if (has_file && sandbox_may_call())
        room_for_all();
    __atomic_store_n(&sandbox_entered, true, __ATOMIC_RELAXED);
    if (base)
        __atomic_fetch_or(&recorder_header()->flags, TRACE_FLAG_SANDBOXED, __ATOMIC_RELAXED);
}
