#define _GNU_SOURCE
#include "golang/inject.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "golang/agent_pages.h"
#include "golang/origin.h"
#include "golang/remote.h"

enum { LOWEST = 1 << 16 /* vm.mmap_min_addr */ };

static int fail(struct go_target *target, const char *what, int error)
{
    snprintf(target->why_not, sizeof target->why_not, "%s: %s", what, strerror(-error));
    return error;
}

/* True if the process that drains its ring lives. */
static bool is_owned(const struct go_agent_data *found)
{
    uint64_t start = origin_start_ticks((pid_t)found->owner);

    return start && start == found->owner_start;
}

/*
 * An agent that a launcher which was killed has left. It can be taken out where the code that
 * was before is that which a plan wants.
 */
static int look_at_left(struct go_target *target)
{
    struct go_agent_data *left = target->left;

    if (!go_agent_find(&target->memory, left)) {
        left->count = 0;
        return 0;
    }
    if (left->owner == (uint32_t)target->pid) {
        snprintf(target->why_not, sizeof target->why_not,
                 "libmaptrace.so, which is loaded into it, traces it already");
        return -EALREADY;
    }
    if (is_owned(left)) {
        snprintf(target->why_not, sizeof target->why_not,
                 "another maptrace is at work in it (process %u)", left->owner);
        return -EBUSY;
    }
    target->memory.patches = left->patches;
    target->memory.patch_count = left->count;
    return 0;
}

static bool is_what_was_left(const struct go_target *target)
{
    const struct go_agent_data *left = target->left;
    bool same = left->count == target->plan->count;

    for (uint32_t i = 0; i < left->count && same; i++) {
        const struct go_code_patch *old = &left->patches[i], *new = &target->plan->patches[i].code;
        same = old->address == new->address && old->bytes == new->bytes;
    }
    return same;
}

int go_target_look(struct go_target *target, pid_t pid)
{
    struct go_functions functions = {0};
    int error;

    *target = (struct go_target){.pid = pid,
                                 .plan = calloc(1, sizeof *target->plan),
                                 .left = calloc(1, sizeof *target->left)};
    target->memory.fd = -1;
    if (!target->plan || !target->left)
        return -ENOMEM;
    error = memory_open(&target->memory, pid);
    if (!error)
        error = go_program_find(&target->memory, &target->program);
    if (!error)
        error = look_at_left(target);
    if (error)
        return error;
    error = go_functions_read(&target->memory, &target->program, &functions);
    if (error) {
        snprintf(target->why_not, sizeof target->why_not, "its table of functions is damaged");
        return -ENOTSUP;
    }
    error = go_plan_make(&target->memory, &target->program, &functions, target->plan);
    go_gc_find(&target->memory, &functions, &target->gc);
    go_functions_free(&functions);
    snprintf(target->why_not, sizeof target->why_not, "%s", target->plan->why_not);
    if (!error && target->left->count && !is_what_was_left(target)) {
        snprintf(target->why_not, sizeof target->why_not,
                 "an agent is in it that another maptrace has left, and that is not understood");
        error = -EBUSY;
    }
    return error;
}

void go_target_close(struct go_target *target)
{
    go_ring_close(&target->ring);
    memory_close(&target->memory);
    free(target->plan);
    free(target->left);
    target->plan = NULL;
    target->left = NULL;
}

/* --- memory of the target's ------------------------------------------------------- */

/* A memfd of the target's, opened here as well: each of the two ends needs no name for it. */
static int64_t make_ring(struct go_target *target, struct remote *remote, uint64_t capacity)
{
    const uint64_t empty_name = target->program.table + 4; /* a zero, see program.c */
    int64_t fd = remote_call(remote, SYS_memfd_create, (uint64_t[6]){empty_name, MFD_CLOEXEC});
    char path[64];
    int64_t answer;

    if (fd < 0)
        return fd;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)target->pid, (int)fd);
    int own = open(path, O_RDWR | O_CLOEXEC);
    answer = own < 0 ? -errno : go_ring_open(&target->ring, own, capacity);
    if (own >= 0)
        close(own);
    if (answer == 0)
        answer = remote_call(remote, SYS_mmap,
                             (uint64_t[6]){0, go_ring_bytes(capacity), PROT_READ | PROT_WRITE,
                                           MAP_SHARED, (uint64_t)fd, 0});
    remote_call(remote, SYS_close, (uint64_t[6]){(uint64_t)fd});
    return answer;
}

static void unmap(struct remote *remote, uint64_t address, size_t bytes)
{
    if (address)
        remote_call(remote, SYS_munmap, (uint64_t[6]){address, bytes});
}

/* Two pages in the first gap below the program, where nothing grows into. */
static int64_t make_room(const struct go_target *target, struct remote *remote)
{
    const struct memory *memory = &target->memory;
    const uint64_t room = GO_AGENT_PAGES_BYTES;
    size_t i = 0;

    while (i < memory->count && !memory->mappings[i].program)
        i++;
    for (; i < memory->count; i--) {
        uint64_t above = memory->mappings[i].low;
        uint64_t below = i ? memory->mappings[i - 1].high : LOWEST;
        if (above > below && above - below >= 3 * room)
            return remote_call(remote, SYS_mmap,
                               (uint64_t[6]){above - 2 * room, room, PROT_READ | PROT_EXEC,
                                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
                                             UINT64_MAX, 0});
    }
    return -ENOMEM;
}

static int64_t make_data_page(const struct go_target *target, struct remote *remote)
{
    const uint64_t page = target->agent + GO_AGENT_DATA;
    int64_t answer = remote_call(remote, SYS_mprotect,
                                 (uint64_t[6]){page, GO_AGENT_DATA, PROT_READ | PROT_WRITE});

    return answer ? answer
                  : remote_call(remote, SYS_madvise,
                                (uint64_t[6]){page, GO_AGENT_DATA, MADV_WIPEONFORK});
}

/* --- code --------------------------------------------------------------------------- */

static int write_agent(const struct go_target *target, pid_t thread)
{
    const uint64_t capacity = target->ring.capacity;
    struct go_agent_data data;
    char code[GO_AGENT_DATA];
    size_t bytes;

    int error = go_agent_fill(target->plan, capacity, code, &bytes);
    if (!error)
        error = remote_write(thread, target->agent, code, bytes);
    go_agent_describe(&data, target->plan, target->ring_address, go_ring_bytes(capacity), getpid(),
                      origin_start_ticks(getpid()));
    return error ? error : remote_write(thread, target->agent + GO_AGENT_DATA, &data, sizeof data);
}

/* The target has run since it was looked at, when it was attached to. */
static int write_patch(const struct go_target *target, pid_t thread,
                       const struct go_code_patch *patch, bool undo)
{
    unsigned char there[GO_PATCH_BYTES];

    if (!memory_read(&target->memory, patch->address, there, patch->bytes))
        return -EFAULT;
    if (memcmp(there, undo ? patch->after : patch->before, patch->bytes) != 0)
        return -EEXIST;
    return remote_write(thread, patch->address, undo ? patch->before : patch->after, patch->bytes);
}

/* The first COUNT of the plan's. All of them, or none. */
static int write_patches(const struct go_target *target, pid_t thread, size_t count, bool undo)
{
    int error = 0;

    for (size_t i = 0; i < count && !error; i++) {
        error = write_patch(target, thread, &target->plan->patches[i].code, undo);
        if (error && !undo)
            write_patches(target, thread, i, true);
    }
    return error;
}

/* Takes out what somebody has left. Who is in the middle of it stays there: its page remains. */
static int restore_left(struct go_target *target, pid_t thread)
{
    int error = 0;

    target->memory.patch_count = 0;
    for (uint32_t i = 0; i < target->left->count && !error; i++)
        error = write_patch(target, thread, &target->left->patches[i], true);
    return error;
}

int go_target_prepare(struct go_target *target, pid_t thread, uint64_t ring_bytes)
{
    uint64_t capacity = go_ring_capacity(ring_bytes);
    const char *what = "the program cannot be stopped";
    struct remote remote;
    int64_t answer;

    if (!target->plan->system_call)
        return fail(target, "it has no system call of the runtime's to be borrowed", -ENOTSUP);
    int error = remote_begin(&remote, target->pid, thread, target->plan->system_call);
    if (error)
        return fail(target, what, error);

    what = "no memory for events can be shared with it";
    answer = make_ring(target, &remote, capacity);
    target->ring_address = answer > 0 ? (uint64_t)answer : 0;
    if (answer > 0) {
        what = "no memory for code can be had near its text";
        answer = make_room(target, &remote);
        target->agent = answer > 0 ? (uint64_t)answer : 0;
    }
    if (answer > 0)
        answer = make_data_page(target, &remote);
    if (answer == 0) {
        what = "its code cannot be changed";
        answer = go_plan_place(target->plan, target->agent);
        if (answer == 0)
            answer = write_agent(target, thread);
    }
    if (answer < 0) {
        unmap(&remote, target->agent, GO_AGENT_PAGES_BYTES);
        unmap(&remote, target->ring_address, go_ring_bytes(capacity));
        target->agent = target->ring_address = 0;
    } else if (target->left->count) {
        remote_call(&remote, SYS_madvise,
                    (uint64_t[6]){target->left->ring, target->left->ring_bytes, MADV_REMOVE});
    }
    error = remote_end(&remote);
    if (answer < 0)
        return fail(target, what, (int)answer);
    return error ? fail(target, "it has ended", error) : 0;
}

int go_target_enter(struct go_target *target, pid_t thread)
{
    int error = restore_left(target, thread);

    if (!error)
        error = write_patches(target, thread, target->plan->count, false);
    if (error)
        return fail(target, "its code cannot be changed", error);
    target->hooks = target->plan->hooks;
    return 0;
}

int go_target_remove(struct go_target *target, pid_t thread)
{
    int error = write_patches(target, thread, target->plan->count, true);

    return error ? fail(target, "its code cannot be restored", error) : 0;
}
