#define _GNU_SOURCE
#include "go.h"

#include <errno.h>
#include <link.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../golang/agent_pages.h"
#include "../golang/gather.h"
#include "../golang/settings.h"
#include "elf_file.h"
#include "modules.h"
#include "notes.h"
#include "origin.h"
#include "pages.h"
#include "raw.h"
#include "recorder.h"
#include "redirect.h"
#include "start.h"

#define FIRST_TABLE ((uint64_t)1 << 40) /* tables of ours and of C's have numbers of their own */
#define GO_BUILD_ID_NOTE 4
#define MODULE_TEXT 20 /* word of moduledata: minpc */

static enum {
    NO_GO,
    REFUSED, /* target.why_not says why */
    ENTERED,
    GATHERING,
    OVER,
} state;
static struct go_target target;
static struct go_gather gather;
static struct go_plan plan;
static uint8_t *agent; /* its two pages */

/* --- is it one ------------------------------------------------------------------- */

struct program {
    struct note_text build_id; /* Go's own */
    uintptr_t low, high, bias; /* of the program */
};

static int look_at_program(struct dl_phdr_info *info, size_t size, void *context)
{
    struct program *found = context;

    (void)size;
    found->bias = info->dlpi_addr;
    found->low = UINTPTR_MAX;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const Elf64_Phdr *segment = &info->dlpi_phdr[i];
        uintptr_t low = info->dlpi_addr + segment->p_vaddr;

        if (segment->p_type == PT_NOTE && !found->build_id.text)
            found->build_id = notes_find(low, segment->p_memsz, "Go", GO_BUILD_ID_NOTE);
        if (segment->p_type == PT_LOAD && low < found->low)
            found->low = low & ~(uintptr_t)4095;
        if (segment->p_type == PT_LOAD && low + segment->p_memsz > found->high)
            found->high = (low + segment->p_memsz + 4095) & ~(uintptr_t)4095;
    }
    return 1; /* the program is the first */
}

/* Most have the note; without a build id there is a section still. */
static bool is_go(const struct program *found)
{
    struct elf_file file;

    if (found->build_id.text)
        return true;
    if (elf_file_open(&file, "/proc/self/exe") != 0)
        return false;
    bool has = elf_file_has_section(&file, ".go.buildinfo");
    elf_file_close(&file);
    return has;
}

/* --- the agent -------------------------------------------------------------------- */

static bool refuse(const char *why)
{
    snprintf(target.why_not, sizeof target.why_not, "%s", why);
    return false;
}

static bool make_plan(void)
{
    struct go_functions functions;

    target = (struct go_target){.pid = (pid_t)raw_getpid(), .plan = &plan};
    if (memory_open(&target.memory, target.pid) != 0 ||
        go_program_find(&target.memory, &target.program) != 0)
        return refuse("no Go runtime is found in it");
    if (go_functions_read(&target.memory, &target.program, &functions) != 0)
        return refuse("its table of functions is damaged");
    int error = go_plan_make(&target.memory, &target.program, &functions, &plan);
    go_gc_find(&target.memory, &functions, &target.gc);
    go_functions_free(&functions);
    refuse(plan.why_not); /* of some hooks, or of all */
    return error == 0;
}

static bool place_agent(const struct program *found, uint64_t ring_bytes)
{
    uint64_t capacity = go_ring_capacity(ring_bytes);
    size_t bytes = go_ring_bytes(capacity), used;
    void *ring = pages_map(bytes);

    agent = redirect_map_near(found->low, found->high, GO_AGENT_PAGES_BYTES);
    if (!ring || !agent || go_plan_place(&plan, (uint64_t)agent) != 0 ||
        go_agent_fill(&plan, capacity, (char *)agent, &used) != 0 ||
        !redirect_make_code(agent, GO_AGENT_DATA)) {
        pages_unmap(ring, bytes);
        if (agent)
            raw_munmap(agent, GO_AGENT_PAGES_BYTES);
        return refuse("no memory for the agent can be had near its text");
    }
    struct origin_process self = {0};
    origin_process((uint32_t)target.pid, &self);
    go_ring_make(&target.ring, ring, capacity);
    go_agent_describe((struct go_agent_data *)(agent + GO_AGENT_DATA), &plan, (uint64_t)ring, bytes,
                      target.pid, self.start_ticks);
    raw_madvise(agent + GO_AGENT_DATA, GO_AGENT_DATA, MADV_WIPEONFORK);
    return true;
}

static bool write_patches(bool undo)
{
    struct redirect_change changes[GO_PATCHES_MOST];

    for (size_t i = 0; i < plan.count; i++) {
        const struct go_code_patch *code = &plan.patches[i].code;
        changes[i] =
            (struct redirect_change){code->address, undo ? code->before : code->after, code->bytes};
    }
    return redirect_write(changes, plan.count) || refuse("its code cannot be changed");
}

void go_enter(uint64_t ring_bytes)
{
    struct program found = {0};
    const char *why;

    dl_iterate_phdr(look_at_program, &found);
    if (!is_go(&found))
        return;
    state = REFUSED;
    if (!make_plan())
        return;
    if ((why = redirect_refused(true))) {
        refuse(why);
        return;
    }
    target.liveness = go_settings_clobbers(getenv(GO_SETTINGS));
    if (place_agent(&found, ring_bytes) && write_patches(false)) {
        target.hooks = plan.hooks;
        state = ENTERED;
    }
}

bool go_is_entered(void)
{
    return state >= ENTERED;
}

/* --- the trace --------------------------------------------------------------------- */

/* The program's place among the modules of the trace. */
static uint16_t describe_module(void)
{
    const uint64_t text = target.program.module[MODULE_TEXT];
    struct program found = {0};

    dl_iterate_phdr(look_at_program, &found);
    for (size_t i = 0; i < modules_count(); i++)
        if (text - modules_at(i)->low < modules_at(i)->high - modules_at(i)->low) {
            struct note_text whole = found.build_id;
            const char *last = whole.text ? memrchr(whole.text, '/', whole.bytes) : NULL;
            const char *id = last ? last + 1 : whole.text;
            recorder_module_is_go(modules_at(i), id,
                                  id ? (size_t)(whole.text + whole.bytes - id) : 0);
            return (uint16_t)modules_at(i)->trace_index;
        }
    return TRACE_NO_MODULE;
}

/* As if it had never been in. Nothing of Go's has run. */
static void leave(const char *why)
{
    refuse(why);
    write_patches(true);
    target.hooks = 0;
    state = REFUSED;
}

void go_begin(void)
{
    if (state != ENTERED && state != REFUSED)
        return;
    struct go_trace trace = {
        .writer = recorder_writer(),
        .rule = (uint16_t)recorder_header()->rules_used,
        .module = TRACE_NO_MODULE,
        .first_table = FIRST_TABLE,
        .shared = true,
    };
    if (trace.rule >= recorder_header()->rules.capacity)
        return;
    if (state == ENTERED)
        trace.module = describe_module();
    if (state == ENTERED && trace.module != TRACE_NO_MODULE &&
        go_gather_begin(&gather, &target, &trace) == 0) {
        state = GATHERING;
        return;
    }
    if (state == ENTERED)
        leave("no memory for its books");
    go_gather_describe(&trace, &target);
}

void go_leave(const char *why)
{
    if (state != ENTERED && state != GATHERING)
        return;
    bool described = state == GATHERING;
    leave(why);
    if (described)
        go_gather_describe(&gather.trace, &target);
}

bool go_is_on(void)
{
    return state == GATHERING;
}

uint32_t *go_exit_word(void)
{
    return state == GATHERING ? &target.ring.header->exiting : NULL;
}

/* Go's runtime waits at its end until all has been looked at. */
static void end(void)
{
    struct go_ring_header *ring = target.ring.header;

    go_gather_end(&gather);
    state = OVER;
    if (gather.looked) {
        recorder_header()->end_status = ring->exit_status & 0xff;
        recorder_end();
    }
    __atomic_store_n(&ring->watcher, 0, __ATOMIC_RELEASE);
    raw_futex(&ring->watcher, FUTEX_WAKE, INT32_MAX, NULL);
}

unsigned go_poll(void)
{
    unsigned pause = go_gather_poll(&gather);

    if (recorder_rule(gather.trace.rule)->status == TRACE_RULE_ACTIVE && !recorder_has_file())
        start_seen();
    if (gather.looked)
        end();
    return pause;
}

void go_unwatched(void)
{
    if (state == GATHERING)
        __atomic_store_n(&target.ring.header->watcher, 0, __ATOMIC_RELEASE);
}

void go_finish(void)
{
    if (state != GATHERING)
        return;
    go_poll();
    if (state == GATHERING)
        end();
}

void go_publish(void)
{
    if (state == GATHERING)
        go_books_publish(&gather.books);
}

void go_forget(void)
{
    if (state != GATHERING && state != OVER)
        return;
    struct trace_rule *rule = recorder_rule(gather.trace.rule);

    memset(agent + GO_AGENT_DATA, 0, sizeof(uint64_t)); /* where the kernel has not wiped it */
    snprintf(rule->reason, sizeof rule->reason, "Go's maps are not traced in the child of a fork");
    rule->status = TRACE_RULE_BLIND;
    rule->flags &= (uint16_t)~TRACE_RULE_PRESENT; /* few go on in Go there */
    state = OVER;
}
