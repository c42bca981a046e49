#define _GNU_SOURCE
#include "golang/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golang/code.h"
#include "golang/pattern.h"
#include "golang/target.h"

enum { SCAN_MOST = 64 << 20, CALL = 0xe8, JUMP = 0xe9, NOP = 0x90 };

struct planning {
    const struct memory *memory;
    const struct go_functions *functions;
    struct go_plan *plan;
};

static void say(struct go_plan *plan, const char *reason)
{
    size_t used = strlen(plan->why_not);

    snprintf(plan->why_not + used, sizeof plan->why_not - used, "%s%s", used ? "; " : "", reason);
}

static bool read_code(const struct planning *planning, const char *name, struct go_code *code)
{
    return go_code_read(planning->memory, planning->functions, name, code);
}

static bool add(struct go_plan *plan, uint64_t address, const unsigned char *before,
                unsigned char bytes, const unsigned char *entry)
{
    if (plan->count == GO_PATCHES_MOST)
        return false;
    struct go_patch *patch = &plan->patches[plan->count++];
    *patch = (struct go_patch){{.address = address, .bytes = bytes}, entry};
    memcpy(patch->code.before, before, bytes);
    return true;
}

/* --- tests of runtime.writeBarrier -------------------------------------------- */

/*
 * What clears hmap.oldbuckets: `cmpl $0, runtime.writeBarrier`, which is replaced, then both
 * of its branches: to Go 1.20 and from Go 1.21. They show which register is the map and that
 * none of those that the agent takes is read again.
 */
static const char *const moved_patterns[] = {
    "83 3d .. .. .. .. 00 nop 75 .. nop 48 c7 40 18 00 00 00 00 nop eb .. nop 48 8d 78 18 nop 31 "
    "c9 nop e8 .. .. .. .. nop 48 8b .. 28 nop 48 85 ..",
    "83 3d .. .. .. .. 00 nop 74 .. nop 48 8b 48 18 nop e8 .. .. .. .. nop 49 89 0b nop 48 c7 40 "
    "18 00 00 00 00 nop 48 8b 48 .. nop 48 85 c9",
};
static const char *const cleared_patterns[] = {
    "83 3d .. .. .. .. 00 nop 75 .. nop 48 c7 43 18 00 00 00 00 nop eb .. nop 48 8d 7b 18 nop 31 "
    ".. nop e8 .. .. .. .. nop 48 c7 43 20 00 00 00 00 nop 66 c7 43 0a 00 00 nop 48 c7 03 00 00 "
    "00 00 nop 49 8b 56 30 nop 48 be",
    "83 3d .. .. .. .. 00 nop 74 .. nop 48 8b .. 18 nop e8 .. .. .. .. nop 49 89 .. nop 48 c7 43 "
    "18 00 00 00 00 nop 48 c7 43 20 00 00 00 00 nop 66 c7 43 0a 00 00 nop 48 c7 03 00 00 00 00 "
    "nop 49 8b 56 30 nop 48 be",
    "83 3d .. .. .. .. 00 nop 74 .. nop 48 8b .. 18 nop e8 .. .. .. .. nop 49 89 .. nop 48 c7 43 "
    "18 00 00 00 00 nop 48 c7 43 20 00 00 00 00 nop 66 c7 43 0a 00 00 nop 48 c7 03 00 00 00 00 "
    "nop e8",
    "83 3d .. .. .. .. 00 nop 74 .. nop 48 8b .. 18 nop e8 .. .. .. .. nop 49 89 .. nop 48 c7 43 "
    "18 00 00 00 00 nop 48 c7 43 20 00 00 00 00 nop 66 c7 43 0a 00 00 nop 48 c7 03 00 00 00 00 "
    "nop 48 ff 43 28 nop e8",
};
enum { TEST_BYTES = 7 };

/* Since Go 1.17 arguments are in registers and r14 is the goroutine: so functions begin. */
static bool takes_registers(const struct go_code *code)
{
    return pattern_begins(code->at, code->bytes, "49 3b 66 10 nop 0f 86") ||
           pattern_begins(code->at, code->bytes, "49 3b 66 10 nop 76") ||
           pattern_begins(code->at, code->bytes, "4c 8d 64 24 .. 4d 3b 66 10 nop 0f 86");
}

static bool plan_test(struct planning *planning, const char *name, const char *const *patterns,
                      size_t count, const unsigned char *entry, uint64_t *flag, uint64_t *next)
{
    struct go_code code;

    if (!read_code(planning, name, &code) || !takes_registers(&code))
        return false;
    for (size_t i = 0; i < count; i++) {
        size_t at = pattern_find(code.at, code.bytes, patterns[i]);

        if (at == PATTERN_NONE)
            continue;
        *next = code.function.entry + at + TEST_BYTES;
        *flag = *next + go_code_distance(code.at + at + 2);
        return add(planning->plan, code.function.entry + at, code.at + at, TEST_BYTES, entry);
    }
    return false;
}

/* --- calls ---------------------------------------------------------------------- */

static bool has_prefix(const struct go_function *function, const char *prefix)
{
    return !strncmp(function->name, prefix, strlen(prefix));
}

/* The packages that may call what a plan redirects, as one piece of code. */
static bool find_runtime(const struct planning *planning, uint64_t *low, uint64_t *high)
{
    struct go_function function;

    *low = UINT64_MAX;
    *high = 0;
    for (size_t i = 0; i < planning->functions->count; i++) {
        if (!go_function_number(planning->functions, i, &function) ||
            !(has_prefix(&function, "runtime.") || has_prefix(&function, "internal/runtime/maps.")))
            continue;
        if (function.entry < *low)
            *low = function.entry;
        if (function.end > *high)
            *high = function.end;
    }
    return *low < *high && *high - *low <= SCAN_MOST;
}

/*
 * Redirects all calls of TARGET to ENTRY. Every one must stand in a function whose name begins
 * with CALLERS: one that does not may be data that looks like a call. The number of calls, or 0.
 */
static unsigned plan_calls(struct planning *planning, uint64_t target, const char *callers,
                           const unsigned char *entry)
{
    uint64_t low, high;
    struct memory_loan loan;
    unsigned calls = 0;

    if (!find_runtime(planning, &low, &high) ||
        !memory_borrow(planning->memory, low, high - low, &loan))
        return 0;
    const unsigned char *code = loan.bytes;
    bool good = true;
    for (uint64_t at = 0; good && at + 5 <= high - low; at++) {
        struct go_function function;

        if (code[at] != CALL || low + at + 5 + go_code_distance(code + at + 1) != target)
            continue;
        good = go_function_at(planning->functions, low + at, &function) &&
               has_prefix(&function, callers) && add(planning->plan, low + at, code + at, 5, entry);
        calls++;
    }
    memory_give_back(&loan);
    return good ? calls : 0;
}

static unsigned count_functions(const struct planning *planning, const char *prefix)
{
    struct go_function function;
    unsigned count = 0;

    for (size_t i = 0; i < planning->functions->count; i++)
        if (go_function_number(planning->functions, i, &function) && has_prefix(&function, prefix))
            count++;
    return count;
}

/* Whether FUNCTION stores nil at a map's oldbuckets. */
static bool clears_old(const struct planning *planning, const struct go_function *function)
{
    static const char *const stores[] = {"48 c7 .. 18 00 00 00 00", "49 c7 .. 18 00 00 00 00"};
    enum { STORE_BYTES = 8 };
    unsigned char code[GO_CODE_MOST];

    for (uint64_t at = function->entry; at < function->end; at += sizeof code - STORE_BYTES) {
        uint64_t rest = function->end - at;
        size_t bytes = rest < sizeof code ? rest : sizeof code;
        if (!memory_read(planning->memory, at, code, bytes) ||
            pattern_find(code, bytes, stores[0]) != PATTERN_NONE ||
            pattern_find(code, bytes, stores[1]) != PATTERN_NONE)
            return true;
    }
    return false;
}

/* A profile can inline advanceEvacuationMark where buckets are moved. */
static bool ends_elsewhere(const struct planning *planning)
{
    static const char *const movers[] = {"runtime.evacuate", "runtime.growWork",
                                         "runtime.mapassign", "runtime.mapdelete"};
    struct go_function function;

    for (size_t i = 0; i < planning->functions->count; i++)
        for (size_t m = 0; m < sizeof movers / sizeof *movers; m++)
            if (go_function_number(planning->functions, i, &function) &&
                has_prefix(&function, movers[m]) && clears_old(planning, &function))
                return true;
    return false;
}

/* --- what is hooked --------------------------------------------------------------- */

static int plan_classic(struct planning *planning)
{
    static const char callers[] = "runtime.mapassign";
    struct go_plan *plan = planning->plan;
    struct go_code grow;

    if (!read_code(planning, "runtime.hashGrow", &grow) || !takes_registers(&grow)) {
        say(plan, "its runtime.hashGrow is not as in Go 1.17 to 1.24");
        return -ENOTSUP;
    }
    plan->constants.hash_grow = grow.function.entry;
    unsigned calls = plan_calls(planning, grow.function.entry, callers, go_agent_grow);
    if (calls == 0 || calls != count_functions(planning, callers)) {
        say(plan, "not each of its runtime.mapassign functions calls runtime.hashGrow just once "
                  "(is another maptrace at work in it?)");
        return -ENOTSUP;
    }
    if (!plan_test(planning, "runtime.advanceEvacuationMark", moved_patterns,
                   sizeof moved_patterns / sizeof *moved_patterns, go_agent_moved,
                   &plan->constants.moved_flag, &plan->constants.moved_next)) {
        say(plan, "the code of its runtime.advanceEvacuationMark is not as in Go 1.17 to 1.24");
        return -ENOTSUP;
    }
    if (ends_elsewhere(planning)) {
        say(plan, "its runtime.advanceEvacuationMark is inlined into others (by a profile)");
        return -ENOTSUP;
    }
    plan->hooks |= GO_HOOK_GROW;

    /* A program that never clears a map lacks the function. */
    if (!count_functions(planning, "runtime.mapclear") ||
        plan_test(planning, "runtime.mapclear", cleared_patterns,
                  sizeof cleared_patterns / sizeof *cleared_patterns, go_agent_cleared,
                  &plan->constants.cleared_flag, &plan->constants.cleared_next))
        plan->hooks |= GO_HOOK_CLEAR;
    else
        say(plan, "maps that it clears are not seen: the code of its runtime.mapclear is unknown");
    return 0;
}

static int plan_swiss(struct planning *planning)
{
    static const char callers[] = "internal/runtime/maps.";
    struct go_plan *plan = planning->plan;
    struct go_code grow, split;

    if (!read_code(planning, "internal/runtime/maps.(*table).grow", &grow) ||
        !read_code(planning, "internal/runtime/maps.(*table).split", &split) ||
        !takes_registers(&grow) || !takes_registers(&split) ||
        !plan_calls(planning, grow.function.entry, callers, go_agent_swiss_grow) ||
        !plan_calls(planning, split.function.entry, callers, go_agent_swiss_split)) {
        say(plan, "the code of its Swiss maps is not as in Go 1.24 to 1.26");
        return -ENOTSUP;
    }
    plan->constants.swiss_grow = grow.function.entry;
    plan->constants.swiss_split = split.function.entry;
    plan->hooks |= GO_HOOK_SWISS;
    return 0;
}

/* runtime.exit: its argument is on the stack; the move of the number is replaced. */
static void plan_exit(struct planning *planning)
{
    static const char pattern[] = "8b 7c 24 08 b8 e7 00 00 00 0f 05 c3";
    struct go_plan *plan = planning->plan;
    struct go_code code;
    enum { MOVE = 4, SYSTEM_CALL = 9 };

    if (read_code(planning, "runtime.exit", &code) &&
        pattern_begins(code.at, code.bytes, pattern) &&
        add(plan, code.function.entry + MOVE, code.at + MOVE, SYSTEM_CALL - MOVE, go_agent_exit)) {
        plan->constants.exit_next = plan->system_call = code.function.entry + SYSTEM_CALL;
        plan->constants.exit_wait[0] = GO_EXIT_WAIT_S;
        plan->hooks |= GO_HOOK_EXIT;
    } else {
        say(plan, "its last moment is not seen: the code of its runtime.exit is unknown");
    }
}

int go_plan_make(const struct memory *memory, const struct go_program *program,
                 const struct go_functions *functions, struct go_plan *plan)
{
    struct planning planning = {memory, functions, plan};
    int error;

    *plan = (struct go_plan){0};
    switch (program->maps) {
    case GO_MAPS_CLASSIC:
        error = plan_classic(&planning);
        break;
    case GO_MAPS_SWISS:
        error = plan_swiss(&planning);
        break;
    default:
        say(plan, "no map that can grow is in it");
        error = -ENOTSUP;
    }
    if (!error)
        plan_exit(&planning);
    return error;
}

int go_plan_place(struct go_plan *plan, uint64_t address)
{
    for (size_t i = 0; i < plan->count; i++) {
        struct go_patch *patch = &plan->patches[i];
        struct go_code_patch *code = &patch->code;
        int64_t distance =
            (int64_t)(address + (uint64_t)(patch->entry - go_agent_begin) - (code->address + 5));
        int32_t near = (int32_t)distance;

        if (near != distance)
            return -ERANGE;
        memset(code->after, NOP, sizeof code->after);
        code->after[0] = code->before[0] == CALL ? CALL : JUMP;
        memcpy(code->after + 1, &near, sizeof near);
    }
    return 0;
}
