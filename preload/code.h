/*
 * What is known of one code address: how to unwind from it, and what it means
 * to the rules. Decided once per address and cached in a table of fixed size
 * that is read without locks.
 */
#ifndef MAPTRACE_PRELOAD_CODE_H
#define MAPTRACE_PRELOAD_CODE_H

#include <stdbool.h>
#include <stdint.h>

#include "../rules/rule.h"
#include "frames.h"

#define CODE_MARKS 8

struct code_mark {
    struct rule *rule;
    enum rule_role role;
};

/* Addresses with the same meaning share one class. Class 0 means nothing to any rule. */
struct code_class {
    uint8_t count;
    bool nameless; /* in a function without any symbol, in a module where a rule asks for those */
    struct code_mark marks[CODE_MARKS];
};

struct code {
    frame_step step;
    const struct code_class *class; /* never NULL */
};

/* 0 or -ENOMEM. */
int code_start(void);

/*
 * PC is a return address. LOCKED: the caller holds the tracer's lock. Without
 * it the lock is taken on a miss; in a signal handler that interrupted its
 * holder the answer may be incomplete, and is then not remembered.
 */
struct code code_at(uintptr_t pc, bool locked);

/* Forgets every address: code may have been unloaded. Caller holds the lock. */
void code_forget(void);

/* .eh_frame_hdr of the module of PC, for frames that must be interpreted. */
const void *code_unwind_header(uintptr_t pc);

#endif
