/*
 * The files that are loaded, and which of their code addresses mean something
 * to a rule.
 *
 * A module is learned when the tracer starts or when one of its addresses is
 * first seen on a stack. Finding the module of an address takes no lock of the
 * loader's (_dl_find_object). A module that was unloaded keeps its entry (its
 * frames stay named in the trace); what is loaded at its place later is a new
 * module.
 */
#ifndef MAPTRACE_PRELOAD_MODULES_H
#define MAPTRACE_PRELOAD_MODULES_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../rules/rule.h"
#include "calls.h"
#include "pages.h"

/* A stretch of code that a rule named: a function, its cold part, or an inlined copy. */
struct code_range {
    uintptr_t low, high;
    struct rule *rule;
    enum rule_role role;
};

struct code_span {
    uintptr_t low, high;
};

struct module {
    uintptr_t low, high; /* mapped */
    uintptr_t bias;
    const void *unwind_header; /* .eh_frame_hdr in memory, or NULL */
    const struct link_map *map;
    struct code_span code; /* the segment to be read and executed alone; empty: none */
    struct code_span data; /* writable segments */
    bool gone;
    bool is_tracer;            /* libmaptrace.so itself */
    bool imports_allocator;    /* refers to malloc or operator new of another module */
    const char *own_allocator; /* name of an allocator that is linked into it, or NULL */
    unsigned hooks;       /* bit enum rule_hook: it calls that hook function of another module */
    uint32_t trace_index; /* in the trace's module region, TRACE_NO_MODULE: no room */
    struct code_range *ranges; /* in no order */
    size_t range_count;
    struct calls calls;
    bool redirected;         /* all of them that are wanted: gate.h */
    struct code_span *named; /* functions that have a symbol, sorted; only where a rule asks */
    size_t named_count;
    uint64_t build_id_hash;
    uint8_t build_id[32];
    uint32_t build_id_bytes;
    char path[256];
    char note[120]; /* what of its debug information could not be read; empty: nothing */
};

/* Learns every module that is loaded now. Caller holds the tracer's lock, or is alone. */
void modules_start(const struct rule_set *rules, const struct rule_matcher *matcher);

/*
 * The module that covers PC, learned now if need be; NULL if none does (JIT
 * code). Caller holds the tracer's lock.
 */
struct module *modules_find(uintptr_t pc);

/* The same without learning and without the lock; NULL if not known yet. Async-signal-safe. */
struct module *modules_peek(uintptr_t pc);

/* Marks modules that are no longer loaded. True if there are more of them now. Caller holds the
 * lock. */
bool modules_sweep(void);

/* ADDRESS and what follows lie in writable data of a module that is loaded: mapped for sure. */
bool modules_has_data(uintptr_t address, size_t bytes);

/* The function of PC, by its unwind entry, is a grow function of RULE from now on. Caller holds the
 * lock. */
void modules_add_grow(uintptr_t pc, struct rule *rule);

size_t modules_count(void);
struct module *modules_at(size_t index);

#endif
