#include "gate.h"

#include <errno.h>
#include <stdio.h>

#include "big_stack.h"
#include "code.h"
#include "lock.h"
#include "marks.h"
#include "modules.h"
#include "raw.h"
#include "recorder.h"
#include "redirect.h"
#include "thread.h"

#define PATIENCE_MOST 8 /* 255 calls without another try */
#define OPEN_MOST 8     /* rules */
#define SELECTIVE 512   /* bytes: most allocations are smaller */

static const uintptr_t always_open = UINTPTR_MAX;
struct loads_watch gate = {&always_open, 0};
static const char *opened = "files were loaded"; /* why the gate or a rule is open */
static const struct rule *open_rules[OPEN_MOST];
static uint32_t open_count;
static bool too_many_open;
size_t gate_least = SIZE_MAX;
static uint32_t calls_to_wait; /* before it is tried again to close the gate */

/* The value first: whoever sees the new word with the old one sees an open gate. */
static void set_gate(const struct loads_watch *watch)
{
    __atomic_store_n(&gate.value, watch->value, __ATOMIC_RELEASE);
    __atomic_store_n(&gate.word, watch->word, __ATOMIC_RELEASE);
}

static bool is_open_for_good(void)
{
    return __atomic_load_n(&gate.word, __ATOMIC_RELAXED) == &always_open;
}

static void open_gate(const char *why)
{
    opened = why;
    set_gate(&(struct loads_watch){&always_open, 0});
}

static bool is_open(const struct rule *rule)
{
    for (uint32_t i = 0; i < open_count; i++)
        if (open_rules[i] == rule)
            return true;
    return false;
}

static void open_rule(const struct rule *rule, const char *why)
{
    if (is_open(rule))
        return;
    opened = why;
    if (open_count == OPEN_MOST) {
        too_many_open = true;
        open_gate(why);
        return;
    }
    open_rules[open_count] = rule;
    __atomic_store_n(&open_count, open_count + 1, __ATOMIC_RELEASE);
    if (rule->min_bytes < gate_least)
        __atomic_store_n(&gate_least, rule->min_bytes, __ATOMIC_RELEASE);
}

void gate_leave(const struct rule *rule)
{
    open_rule(rule, "a grow function was found at run time");
}

bool gate_leaves(uint64_t bytes, enum rule_call call)
{
    uint32_t count = __atomic_load_n(&open_count, __ATOMIC_ACQUIRE);

    for (uint32_t i = 0; i < count; i++)
        if (recognise_fits(open_rules[i], bytes, call))
            return true;
    return false;
}

const char *gate_why_open(void)
{
    return open_count || gate_is_open() ? opened : NULL;
}

static bool makes_arrays(const struct code *code, uintptr_t pc)
{
    const struct module *module = modules_peek(pc - 1);

    for (unsigned i = 0; i < code->class->count; i++)
        if (rules_makes_arrays(code->class->marks[i].role) && !is_open(code->class->marks[i].rule))
            return !(module && module->redirected);
    return false;
}

static bool to_redirect;
static const char *refused; /* why it cannot be done */

static void redirect_loaded(void *unused)
{
    uint8_t body[MARKS_BODY_BYTES];

    (void)unused;
    /* The child of a vfork is alone, but not in this memory. */
    if (recorder_header()->pid != (uint32_t)raw_getpid())
        refused = "it is another process";
    else
        refused = redirect_refused(false);
    marks_body(body);
    for (size_t i = 0; !refused && i < modules_count(); i++) {
        struct module *module = modules_at(i);

        if (module->gone || module->redirected || !redirect_wants(module))
            continue;
        module->redirected = redirect_calls(module, body, sizeof body);
        if (!module->redirected)
            refused = "its calls cannot be redirected";
    }
}

/* Runs ACT for each range, in files that are loaded, that makes arrays of a rule not open. */
static void each_range(void (*act)(struct module *module, const struct code_range *range))
{
    for (size_t i = 0; i < modules_count(); i++) {
        struct module *module = modules_at(i);

        for (size_t r = 0; !module->gone && r < module->range_count; r++) {
            const struct code_range *range = &module->ranges[r];

            if (rules_makes_arrays(range->role) && range->low < range->high &&
                !is_open(range->rule))
                act(module, range);
        }
    }
}

static void open_if_unknown(struct module *module, const struct code_range *range)
{
    static char why[320];

    /* What such a function calls will be a grow function that no index knows. */
    if (range->role == ROLE_CALLEE && range->rule->min_bytes >= SELECTIVE) {
        open_rule(range->rule, "a grow function is found at run time");
    } else if (!redirect_knows(module, range)) {
        snprintf(why, sizeof why, "not all calls of %s can be told", module->path);
        open_rule(range->rule, why);
    }
}

static void want(struct module *module, const struct code_range *range)
{
    redirect_want(module, range);
    to_redirect |= !module->redirected;
}

static void open_if_not_redirected(struct module *module, const struct code_range *range)
{
    if (!module->redirected)
        open_rule(range->rule, refused);
}

/* All that makes arrays, in all files that are known: redirected, or of a rule that is open. */
static void redirect_all(void)
{
    each_range(open_if_unknown);
    to_redirect = false;
    each_range(want);
    if (!to_redirect)
        return;
    refused = marks_note_under_way(makes_arrays) ? NULL : "a table may be growing already";
    if (!refused)
        big_stack_call(redirect_loaded, NULL);
    if (refused)
        each_range(open_if_not_redirected);
}

const char *gate_start(void)
{
    struct loads_watch watch;

    redirect_all();
    if (!loads_start(&watch))
        return "files that are loaded later would not be seen";
    if (!too_many_open)
        set_gate(&watch);
    return gate_why_open();
}

/* Caller holds the lock. */
static void try_to_close(void)
{
    static uint32_t patience;
    struct loads_watch watch;
    enum loads loads = loads_learn(&watch);

    if (loads == LOADS_NOT_YET) {
        __atomic_store_n(&calls_to_wait, (1u << patience) - 1, __ATOMIC_RELAXED);
        patience += patience < PATIENCE_MOST;
        return;
    }
    patience = 0;
    if (loads == LOADS_UNKNOWN) {
        open_gate("files were loaded");
        return;
    }
    redirect_all();
    if (!too_many_open)
        set_gate(&watch);
}

bool gate_close(void)
{
    uint32_t wait = __atomic_load_n(&calls_to_wait, __ATOMIC_RELAXED);

    if (is_open_for_good())
        return false;
    if (wait) {
        __atomic_store_n(&calls_to_wait, wait - 1, __ATOMIC_RELAXED);
        return false;
    }
    int kept = errno;
    thread_self.nested++;
    if (lock_take()) {
        if (gate_is_open() && !is_open_for_good())
            try_to_close();
        lock_release();
    }
    thread_self.nested--;
    errno = kept;
    return !gate_is_open();
}
