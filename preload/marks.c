#define _GNU_SOURCE
#include "marks.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

#include "code.h"
#include "modules.h"
#include "redirect.h"

/* The kernel keeps more room than that free below the first thread's stack for it to grow. */
#define MAIN_STACK ((uintptr_t)8 << 20)
/* Between a thread's descriptor and its stack lie its thread-local variables. */
#define STATIC_TLS_MOST ((uintptr_t)128 << 10)
/* Frames and steps beyond that are not believed to be of one stack. */
#define DEPTH_MOST 1024
#define STEP_MOST ((uintptr_t)1 << 20)
#define PATIENCE_MOST 8 /* 255 calls without another try */

extern void *__libc_stack_end; /* where the stack of the first thread begins */
#pragma weak __libc_stack_end

static const uintptr_t always_open = 1;
const uintptr_t *marks_gate = &always_open;

/* Of each thread: the stack it was born with, as far as that is known. */
static __thread struct {
    uintptr_t low, high;
    uint16_t skip; /* calls that do without a try */
    uint8_t patience;
} home __attribute__((tls_model("initial-exec")));

static bool at_home(uintptr_t sp)
{
    return sp - home.low < home.high - home.low;
}

static uintptr_t first_stack_end(void)
{
    return &__libc_stack_end ? (uintptr_t)__libc_stack_end : 0;
}

static uintptr_t thread_descriptor(void)
{
    return (uintptr_t)__builtin_thread_pointer();
}

/* The first thread's stack is known by its place. */
static void find_home(uintptr_t sp)
{
    uintptr_t end = first_stack_end();

    if (end && end - sp < MAIN_STACK) {
        home.low = end - MAIN_STACK;
        home.high = end;
    }
}

/*
 * Of other threads: a walk from LOW that came without a gap to where the thread
 * began, just below its descriptor.
 */
static void add_to_home(uintptr_t low, uintptr_t end)
{
    uintptr_t descriptor = thread_descriptor();

    if (descriptor - end >= STATIC_TLS_MOST || low >= end)
        return;
    if (home.high != descriptor || low < home.low)
        home.low = low;
    home.high = descriptor;
}

static frame_step step_at(uintptr_t pc)
{
    frame_step step;

    if (code_peek(pc, &step))
        return step;
    int kept = errno;
    thread_self.nested++;
    code_at(pc, false);
    thread_self.nested--;
    errno = kept;
    return code_peek(pc, &step) ? step : STEP_NONE;
}

/*
 * Walks past the marked place and, if that is not known yet, to where the stack
 * begins. True if no grow function is on the stack up to the marked place.
 */
static bool walk_past(const struct call_site *site, uintptr_t place)
{
    uintptr_t pc = site->pc, sp = site->sp, rbp = site->rbp;
    bool passed = false, known = at_home(sp);

    for (unsigned depth = 0; depth < DEPTH_MOST; depth++) {
        frame_step step = step_at(pc);

        if (!passed && step & CODE_DECIDES)
            return false;
        passed |= sp > place;
        if (passed && known)
            return true;
        if (step_kind(step) == STEP_END)
            add_to_home(site->sp, sp);
        if (step_kind(step) != STEP_STACK && step_kind(step) != STEP_FRAME)
            return passed;
        uintptr_t cfa = frame_cfa(step, sp, rbp);
        if (!cfa || cfa - sp > STEP_MOST)
            return passed;
        unsigned rbp_words = frame_saved(step, REGISTER_RBP);
        if (rbp_words)
            rbp = *(uintptr_t *)(cfa - 8 * rbp_words);
        pc = *(uintptr_t *)(cfa - 8);
        sp = cfa;
        if (!pc)
            return passed;
    }
    return passed;
}

/* No note is left on a place where a call may still be under way. */
static bool is_over(const struct call_site *site)
{
    const struct mark *mark = &thread_self.mark;
    uintptr_t at = site->sp - 8; /* where this call's return address stands */

    if (!at_home(site->sp))
        find_home(site->sp);
    if (at > mark->high && at_home(site->sp) && at_home(mark->high) && at_home(mark->low))
        return true;
    if (home.skip) {
        home.skip--;
        return false;
    }
    bool clean = walk_past(site, mark->high);
    bool one_stack = at_home(site->sp) && at_home(mark->high) && at_home(mark->low);
    /* On a stack that is not known, only what the walk itself has passed is over. */
    bool over = clean && (one_stack || (at <= mark->low && at <= mark->high));
    if (over) {
        home.patience = 0;
    } else {
        home.skip = (uint16_t)((1u << home.patience) - 1);
        home.patience += home.patience < PATIENCE_MOST;
    }
    return over;
}

bool marks_passed(const struct call_site *site)
{
    struct mark *mark = &thread_self.mark;

    if (__atomic_load_n(marks_gate, __ATOMIC_RELAXED))
        return false;
    if (mark->high) {
        if (!is_over(site))
            return false;
        mark->high = 0;
        __asm__ volatile("" ::: "memory");
        mark->low = UINTPTR_MAX;
    }
    return true;
}

/* --- what a redirected call does ------------------------------------------- */

static uint8_t *put(uint8_t *at, const void *bytes, size_t count)
{
    memcpy(at, bytes, count);
    return at + count;
}

/* COMPARE is the jump over the store; both instructions are of one length. */
static uint8_t *put_note(uint8_t *at, const void *word, uint8_t jump)
{
    static const uint8_t compare[] = {0x64, 0x48, 0x39, 0x24, 0x25}; /* cmp %rsp,%fs:... */
    static const uint8_t store[] = {0x64, 0x48, 0x89, 0x24, 0x25};   /* mov %rsp,%fs:... */
    int32_t offset = (int32_t)((intptr_t)word - (intptr_t)thread_descriptor());
    const uint8_t over[] = {jump, sizeof store + sizeof offset};

    at = put(at, compare, sizeof compare);
    at = put(at, &offset, sizeof offset);
    at = put(at, over, sizeof over);
    at = put(at, store, sizeof store);
    return put(at, &offset, sizeof offset);
}

#define BODY_BYTES 40
#define JAE 0x73
#define JBE 0x76

static void make_body(uint8_t *body)
{
    body = put_note(body, &thread_self.mark.high, JAE);
    put_note(body, &thread_self.mark.low, JBE);
}

/* --- the gate -------------------------------------------------------------- */

/*
 * Where it shows that one more file was loaded: the loader appends to its list.
 * The last one must stay, or this would be freed memory: it is there from the
 * start, or is kept from now on.
 */
static const uintptr_t *find_gate(void)
{
    const struct link_map *last = modules_at(0)->map;

    while (last->l_next)
        last = last->l_next;
    if (!dlopen(last->l_name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE))
        return NULL;
    return (const uintptr_t *)&last->l_next;
}

/* Calls that were under way before the redirection are not noted. */
static bool may_be_under_way(void)
{
    struct frame frame;

    frame_here(&frame);
    for (unsigned depth = 0; depth < DEPTH_MOST; depth++) {
        struct code code = code_at(frame.pc, true);

        for (unsigned i = 0; i < code.class->count; i++)
            if (rules_makes_arrays(code.class->marks[i].role))
                return true;
        /* The loader's own first function is not described, but has no caller either. */
        if (step_kind(code.step) == STEP_END || first_stack_end() - frame.sp < 64)
            return false;
        if (!code_leave(&frame, code.step))
            return true;
    }
    return true;
}

const char *marks_start(void)
{
    static char why[320];
    uint8_t body[BODY_BYTES];
    bool any = false;

    for (size_t i = 0; i < modules_count(); i++) {
        if (!redirect_knows(modules_at(i))) {
            snprintf(why, sizeof why, "not all calls of %s can be told", modules_at(i)->path);
            return why;
        }
        any |= redirect_wants(modules_at(i));
    }
    if (may_be_under_way())
        return "a table may be growing already";
    const char *refused = any ? redirect_refused(false) : NULL;
    if (refused)
        return refused;
    const uintptr_t *gate = find_gate();
    if (!gate)
        return "files that are loaded later would not be seen";
    make_body(body);
    for (size_t i = 0; i < modules_count(); i++)
        if (!redirect_calls(modules_at(i), body, sizeof body))
            return "its calls cannot be redirected";
    __atomic_store_n(&marks_gate, gate, __ATOMIC_RELEASE);
    return NULL;
}

void marks_open(void)
{
    __atomic_store_n(&marks_gate, &always_open, __ATOMIC_RELEASE);
}
