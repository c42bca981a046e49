#define _GNU_SOURCE
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "modules.h"
#include "pages.h"
#include "raw.h"
#include "sandbox.h"

#define RULES_MOST 256u
#define MODULES_MOST 1024u
#define MESSAGE_BYTES 8192u
#define NOTABLE_NS 1000000u /* a shorter overstay is only worth a line in the recent ring */
#define STACK_BUCKETS 4096u

static char *base; /* the whole layout, in private memory or in the file */
static size_t layout_bytes;
bool sandbox_entered;
static bool has_file, clock_stopped;
static char path[4096];
static uint32_t stack_buckets[STACK_BUCKETS]; /* ids by hash; collisions chain in stack_chain */
static struct {
    uint32_t id, next;
} * stack_chain;
static uint32_t stack_chain_used, stack_chain_room;

struct trace_header *recorder_header(void)
{
    return (struct trace_header *)base;
}

static void *entry(const struct trace_region *region, uint64_t index)
{
    return base + region->offset + index * region->entry_bytes;
}

struct trace_rule *recorder_rule(unsigned index)
{
    return index < RULES_MOST ? entry(&recorder_header()->rules, index) : NULL;
}

static void copy_text(char *to, const char *from, size_t room)
{
    size_t length = strnlen(from, room - 1);

    memcpy(to, from, length);
    to[length] = 0;
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t recorder_now(void)
{
    /* Strict seccomp takes the time stamp counter away: reading a clock would kill. */
    if (clock_stopped)
        return recorder_header()->last_ns + 1;
    return clock_ns(CLOCK_MONOTONIC) - recorder_header()->start_monotonic_ns;
}

static size_t read_file(const char *name, char *buffer, size_t bytes)
{
    long fd = raw_open(name, O_RDONLY | O_CLOEXEC, 0);
    size_t used = 0;

    if (raw_failed(fd))
        return 0;
    for (long got; used + 1 < bytes; used += (size_t)got) {
        got = raw_read((int)fd, buffer + used, bytes - 1 - used);
        if (got <= 0)
            break;
    }
    raw_close((int)fd);
    buffer[used] = 0;
    return used;
}

static uint64_t start_ticks(void)
{
    char text[1024];

    read_file("/proc/self/stat", text, sizeof text);
    /* The second field is the name in parentheses, which may hold anything. */
    char *at = strrchr(text, ')');
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    uint64_t ticks = 0;
    for (at = at ? at + 1 : NULL; at && *at >= '0' && *at <= '9'; at++)
        ticks = 10 * ticks + (uint64_t)(*at - '0');
    return ticks;
}

static void describe_process(struct trace_header *header, const struct recorder_plan *plan)
{
    char nodename[256];

    header->pid = (uint32_t)raw_getpid();
    header->parent_pid = (uint32_t)getppid();
    header->root_pid = plan->root_pid ? plan->root_pid : header->pid;
    header->process_start_ticks = start_ticks();
    header->start_monotonic_ns = clock_ns(CLOCK_MONOTONIC);
    header->start_realtime_ns = clock_ns(CLOCK_REALTIME);
    size_t got =
        read_file("/proc/sys/kernel/random/boot_id", header->boot_id, sizeof header->boot_id);
    if (got && header->boot_id[got - 1] == '\n')
        header->boot_id[got - 1] = 0;
    if (gethostname(nodename, sizeof nodename - 1) == 0) {
        nodename[sizeof nodename - 1] = 0;
        copy_text(header->machine, nodename, sizeof header->machine);
    }
    raw_call(SYS_readlink, (long)"/proc/self/exe", (long)header->program,
             sizeof header->program - 1, 0, 0, 0);
    raw_call(SYS_getcwd, (long)header->directory, sizeof header->directory - 1, 0, 0, 0, 0);
    /* Not from main's arguments: the first hook may run before any constructor of ours. */
    header->command_bytes =
        (uint32_t)read_file("/proc/self/cmdline", header->command, sizeof header->command);
    header->command_cut = header->command_bytes == sizeof header->command - 1;
    while (header->command_bytes && header->command[header->command_bytes - 1])
        header->command_bytes--;
}

static uint64_t place(struct trace_region *region, uint64_t at, size_t bytes, uint64_t capacity)
{
    *region = (struct trace_region){at, (uint32_t)bytes, (uint32_t)capacity};
    return (at + bytes * capacity + 4095) & ~(uint64_t)4095;
}

static uint64_t at_least(uint64_t value, uint64_t least)
{
    return value > least ? value : least;
}

/* Where everything stands; see trace/format.h. Returns the size of the file. */
static uint64_t lay_out(struct trace_header *header, uint64_t ring)
{
    uint64_t arrays = at_least(ring / 256, 16384);
    uint64_t at = (sizeof *header + 4095) & ~(uint64_t)4095;

    if (arrays > 1 << 20)
        arrays = 1 << 20;
    at = place(&header->rules, at, sizeof(struct trace_rule), RULES_MOST);
    at = place(&header->modules, at, sizeof(struct trace_module), MODULES_MOST);
    at = place(&header->stacks, at, sizeof(uint64_t), at_least(ring / 64, 65536));
    at = place(&header->arrays, at, sizeof(struct trace_array), arrays);
    at = place(&header->resizes, at, sizeof(struct trace_resize), arrays / 4);
    at = place(&header->notable, at, sizeof(struct trace_resize),
               at_least(ring / 4 / sizeof(struct trace_resize), 16));
    at = place(&header->recent, at, sizeof(struct trace_resize),
               at_least(ring / 4 * 3 / sizeof(struct trace_resize), 16));
    return place(&header->messages, at, 1, MESSAGE_BYTES);
}

int recorder_prepare(const struct recorder_plan *plan)
{
    struct trace_header layout = {0};
    size_t bytes = lay_out(&layout, plan->ring_bytes);

    if (!base) {
        stack_chain_room = layout.stacks.capacity / 4;
        base = pages_map(bytes);
        stack_chain = pages_map(stack_chain_room * sizeof *stack_chain);
        if (!base || !stack_chain) {
            pages_unmap(base, bytes);
            pages_unmap(stack_chain, stack_chain_room * sizeof *stack_chain);
            base = NULL;
            return -ENOMEM;
        }
        layout_bytes = bytes;
    }
    struct trace_header *header = recorder_header();
    *header = layout;
    memcpy(header->magic, TRACE_MAGIC, sizeof header->magic);
    header->version = TRACE_VERSION;
    header->header_bytes = sizeof *header;
    header->file_bytes = bytes;
    header->flags = plan->flags;
    header->notable_ns = NOTABLE_NS;
    header->stack_words_used = 1; /* id 0 means no stack */
    describe_process(header, plan);
    memset(stack_buckets, 0, sizeof stack_buckets);
    stack_chain_used = 1;
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
    long mapped = raw_mmap(base, layout_bytes, PROT_READ | PROT_WRITE,
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

/* Room on disk for every page that may ever be written: a write to a mapped page must not fail
 * later. */
static int reserve(int fd, uint64_t bytes)
{
    static const char zeros[4096];
    struct rlimit limit;

    /* Beyond this limit the kernel would send the program a signal. */
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < bytes)
        return -EFBIG;
    long error = raw_call(SYS_fallocate, fd, 0, 0, (long)bytes, 0, 0);
    if (error != -EOPNOTSUPP && error != -ENOSYS)
        return (int)error;
    for (uint64_t at = 0; at < bytes; at += sizeof zeros) {
        error = raw_call(SYS_pwrite64, fd, (long)zeros, sizeof zeros, (long)at, 0, 0);
        if (error != (long)sizeof zeros)
            return raw_failed(error) ? (int)error : -ENOSPC;
    }
    return 0;
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

/* Everything but the regions' unused rest, which is zero in a fresh file anyway. */
static int copy_used(int fd)
{
    const struct trace_header *header = recorder_header();
    const struct {
        uint64_t offset, bytes;
    } used[] = {
        {0, sizeof *header},
        {header->rules.offset, header->rules_used * sizeof(struct trace_rule)},
        {header->modules.offset, header->modules_used * sizeof(struct trace_module)},
        {header->stacks.offset, header->stack_words_used * sizeof(uint64_t)},
        {header->messages.offset, header->message_bytes},
        {header->notable.offset, ring_used(&header->notable, header->notable_written)},
        {header->recent.offset, ring_used(&header->recent, header->recent_written)},
    };

    for (size_t i = 0; i < sizeof used / sizeof *used; i++) {
        long wrote = raw_call(SYS_pwrite64, fd, (long)(base + used[i].offset), (long)used[i].bytes,
                              (long)used[i].offset, 0, 0);
        if (wrote != (long)used[i].bytes)
            return raw_failed(wrote) ? (int)wrote : -ENOSPC;
    }
    return 0;
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
    int error = reserve((int)fd, header->file_bytes);
    if (!error)
        error = copy_used((int)fd);
    if (!error) {
        long mapped = raw_mmap(base, layout_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                               (int)fd, 0);
        if (raw_failed(mapped))
            error = (int)mapped;
    }
    raw_close((int)fd);
    if (error)
        raw_call(SYS_unlink, (long)path, 0, 0, 0, 0, 0);
    else
        has_file = true;
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

uint32_t recorder_array_room(void)
{
    return recorder_header()->arrays.capacity;
}

uint32_t recorder_resize_room(void)
{
    return recorder_header()->resizes.capacity;
}

/* The sequence is odd while the rest is in flux, so that a reader or a kill in the middle is
 * noticed. */
static void write_entry(void *to, const void *from, size_t bytes)
{
    uint32_t *sequence = to;
    uint32_t before = *sequence;

    __atomic_store_n(sequence, before | 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    memcpy((char *)to + sizeof *sequence, (const char *)from + sizeof *sequence,
           bytes - sizeof *sequence);
    __atomic_store_n(sequence, (before | 1) + 1, __ATOMIC_RELEASE);
}

void recorder_array(uint32_t index, const struct trace_array *array)
{
    write_entry(entry(&recorder_header()->arrays, index), array, sizeof *array);
}

void recorder_resize(uint32_t index, const struct trace_resize *resize)
{
    write_entry(entry(&recorder_header()->resizes, index), resize, sizeof *resize);
}

static unsigned bucket_of(uint64_t ns)
{
    unsigned bucket = ns ? 64 - (unsigned)__builtin_clzll(ns) : 0;

    return bucket < TRACE_HISTOGRAM_BUCKETS ? bucket : TRACE_HISTOGRAM_BUCKETS - 1;
}

void recorder_finished(const struct trace_resize *resize)
{
    struct trace_header *header = recorder_header();
    uint64_t overstay = 0;

    if (resize->resize_end_ns && resize->released_ns > resize->resize_end_ns)
        overstay = resize->released_ns - resize->resize_end_ns;
    else if (!resize->resize_end_ns)
        overstay = resize->released_ns - resize->replaced_ns;
    if (resize->longest_stall_ns > overstay)
        overstay = resize->longest_stall_ns;
    recorder_rule(resize->rule)->overstays[bucket_of(overstay)]++;

    bool notable = overstay >= header->notable_ns;
    struct trace_region *ring = notable ? &header->notable : &header->recent;
    uint64_t *written = notable ? &header->notable_written : &header->recent_written;
    uint64_t number = *written;
    struct trace_resize *slot = entry(ring, number % ring->capacity);
    struct trace_resize copy = *resize;

    copy.number = 0;
    __atomic_store_n(&slot->number, 0, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    *slot = copy;
    __atomic_store_n(&slot->number, number + 1, __ATOMIC_RELEASE);
    __atomic_store_n(written, number + 1, __ATOMIC_RELEASE);
}

uint32_t recorder_module(const struct module *module)
{
    struct trace_header *header = recorder_header();
    uint32_t index = header->modules_used;

    if (index >= header->modules.capacity)
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

uint32_t recorder_stack(const uint64_t *frames, uint32_t count)
{
    struct trace_header *header = recorder_header();
    uint64_t *words = entry(&header->stacks, 0);
    uint64_t hash = 0x9e3779b97f4a7c15u ^ count;

    for (uint32_t i = 0; i < count; i++) {
        hash = (hash ^ frames[i]) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 29;
    }
    uint64_t first = (hash & ~(uint64_t)0xffff) | count;
    uint32_t *bucket = &stack_buckets[hash >> 20 & (STACK_BUCKETS - 1)];
    for (uint32_t link = *bucket; link; link = stack_chain[link].next) {
        uint32_t id = stack_chain[link].id;

        if (words[id] == first && memcmp(words + id + 1, frames, count * sizeof *frames) == 0)
            return id;
    }
    uint32_t id = header->stack_words_used;
    if (id + 1 + count > header->stacks.capacity || stack_chain_used == stack_chain_room) {
        header->lost_stacks++;
        return 0;
    }
    words[id] = first;
    memcpy(words + id + 1, frames, count * sizeof *frames);
    __atomic_store_n(&header->stack_words_used, id + 1 + count, __ATOMIC_RELEASE);
    stack_chain[stack_chain_used].id = id;
    stack_chain[stack_chain_used].next = *bucket;
    *bucket = stack_chain_used++;
    return id;
}

void recorder_message(const char *format, ...)
{
    struct trace_header *header = recorder_header();
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
    if (header->message_bytes + (uint32_t)length > header->messages.capacity)
        return;
    memcpy(entry(&header->messages, header->message_bytes), line, (size_t)length);
    __atomic_store_n(&header->message_bytes, header->message_bytes + (uint32_t)length,
                     __ATOMIC_RELEASE);
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
    __atomic_store_n(&sandbox_entered, true, __ATOMIC_RELAXED);
    if (base)
        __atomic_fetch_or(&recorder_header()->flags, TRACE_FLAG_SANDBOXED, __ATOMIC_RELAXED);
}

void recorder_join_run(const char *root_path, uint32_t root_pid, bool with_trace)
{
    const struct trace_header *mine = recorder_header();
    long fd = raw_open(root_path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0);
    struct stat status;
    size_t bytes = mine->rules.offset + mine->rules.capacity * sizeof(struct trace_rule);

    if (raw_failed(fd))
        return;
    long mapped = -EINVAL;
    if (raw_call(SYS_fstat, fd, (long)&status, 0, 0, 0, 0) == 0 && S_ISREG(status.st_mode) &&
        (size_t)status.st_size >= bytes)
        mapped = raw_mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
    raw_close((int)fd);
    if (raw_failed(mapped))
        return;
    struct trace_header *root = (struct trace_header *)mapped;
    if (memcmp(root->magic, TRACE_MAGIC, sizeof root->magic) == 0 &&
        root->version == TRACE_VERSION && root->pid == root_pid &&
        root->rules.offset == mine->rules.offset) {
        struct trace_rule *theirs = (struct trace_rule *)((char *)root + root->rules.offset);

        if (with_trace) {
            __atomic_fetch_add(&root->run_traces, 1, __ATOMIC_RELAXED);
        } else {
            __atomic_fetch_add(&root->run_processes, 1, __ATOMIC_RELAXED);
            for (uint32_t i = 0; i < mine->rules_used && i < root->rules_used; i++)
                __atomic_fetch_add(&theirs[i].run_status[recorder_rule(i)->status & 3], 1,
                                   __ATOMIC_RELAXED);
        }
    }
    raw_munmap((void *)mapped, bytes);
}
