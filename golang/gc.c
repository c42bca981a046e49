#include "golang/gc.h"

#include <string.h>

#include "golang/code.h"
#include "golang/pattern.h"

/*
 * memstats, before numgc: last_gc_unix, pause_total_ns, and two rings of 256 words, of the
 * pauses and of their ends. After it: numforcedgc.
 */
enum { BEFORE_CYCLES = 8 + 8 + 2 * 256 * 8 };

/* gcMarkTermination increments numgc, and numforcedgc if the program asked for the collection. */
static uint64_t find_cycles(const struct memory *memory, const struct go_functions *functions)
{
    uint64_t targets[2];
    struct go_code code;
    unsigned count = 0;

    if (!go_code_read(memory, functions, "runtime.gcMarkTermination", &code))
        return 0;
    for (size_t at = 0; at + 6 <= code.bytes; at++) {
        if (code.at[at] != 0xff || code.at[at + 1] != 0x05)
            continue;
        if (count == 2)
            return 0;
        targets[count++] = code.function.entry + at + 6 + go_code_distance(code.at + at + 2);
    }
    if (count != 2 || (targets[0] != targets[1] + 4 && targets[1] != targets[0] + 4))
        return 0;
    return targets[0] < targets[1] ? targets[0] : targets[1];
}

/* resetLive(c, marked) stores into c.heapMarked and then into c.heapLive: where in c that is. */
static bool find_field(const struct memory *memory, const struct go_functions *functions,
                       struct go_code *code, uint64_t *offset)
{
    static const char swap[] = "48 89 98 .. .. .. .. nop 48 89 .. nop 48 87 58 ..";
    static const char move[] = "48 89 98 .. .. .. .. nop 48 89 98 .. .. .. .. nop 48 8b 90";
    size_t at;

    if (!go_code_read(memory, functions, "runtime.(*gcControllerState).resetLive", code))
        return false;
    at = pattern_find(code->at, code->bytes, swap);
    if (at != PATTERN_NONE) {
        while (code->at[at] != 0x87 || code->at[at + 1] != 0x58)
            at++;
        *offset = code->at[at + 2];
        return *offset < 128;
    }
    at = pattern_find(code->at, code->bytes, move);
    if (at == PATTERN_NONE)
        return false;
    at += 7;
    while (code->at[at] != 0x48 || code->at[at + 1] != 0x89)
        at++;
    *offset = go_code_distance(code->at + at + 3);
    return *offset < 4096;
}

/* gcMark calls it, with c = &gcController. */
static uint64_t find_heap_live(const struct memory *memory, const struct go_functions *functions)
{
    static const char call[] = "48 8b 1d .. .. .. .. nop 48 8d 05 .. .. .. .. nop e8";
    struct go_code code;
    uint64_t offset, callee, controller;

    if (!find_field(memory, functions, &code, &offset))
        return 0;
    callee = code.function.entry;
    if (!go_code_read(memory, functions, "runtime.gcMark", &code))
        return 0;
    size_t at = pattern_find(code.at, code.bytes, call);
    if (at == PATTERN_NONE)
        return 0;
    at += 7;
    while (code.at[at] != 0x48 || code.at[at + 1] != 0x8d)
        at++;
    at += 7;
    controller = code.function.entry + at + go_code_distance(code.at + at - 4);
    while (code.at[at] != 0xe8)
        at++;
    if (at + 5 > code.bytes ||
        code.function.entry + at + 5 + go_code_distance(code.at + at + 1) != callee)
        return 0;
    return controller + offset;
}

void go_gc_find(const struct memory *memory, const struct go_functions *functions,
                struct go_gc_places *places)
{
    places->cycles = find_cycles(memory, functions);
    places->heap_live = find_heap_live(memory, functions);
}

bool go_gc_look(const struct memory *memory, const struct go_gc_places *places, struct go_gc *gc)
{
    uint64_t head[2];
    uint32_t cycles;

    if (!places->cycles ||
        !memory_read(memory, places->cycles - BEFORE_CYCLES, head, sizeof head) ||
        !memory_read(memory, places->cycles, &cycles, sizeof cycles))
        return false;
    gc->cycles = cycles;
    gc->last_end_ns = head[0];
    gc->pause_total_ns = head[1];
    if (!places->heap_live ||
        !memory_read(memory, places->heap_live, &gc->heap_live, sizeof gc->heap_live))
        gc->heap_live = GO_GC_UNKNOWN;
    return true;
}
