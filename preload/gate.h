/*
 * Whether marks tell all of what can make an array.
 *
 * The gate is closed while each function that can make an array, in every file
 * that is loaded, is known, and either redirected or of a rule that is left
 * open: one of which not all can be redirected, or would not tell anything. Of
 * such a rule its sizes tell, or else the stack.
 *
 * The gate opens by itself when one more file is loaded. An allocation after that
 * closes it again, if the file can be learned.
 */
#ifndef MAPTRACE_PRELOAD_GATE_H
#define MAPTRACE_PRELOAD_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../rules/rule.h"
#include "loads.h"

/*
 * Redirects what can be, and closes the gate. Caller holds the lock or is alone, and all
 * that is loaded is known to modules.h. Returns NULL if the gate is closed now and no rule is left
 * open, else why not, for people.
 */
const char *gate_start(void);

/*
 * Both words are read without a lock while they change: no word that was watched
 * has the value that belongs to another, but for the gate that is closed.
 */
extern struct loads_watch gate __attribute__((visibility("hidden")));

/* 0 while the gate is closed. What is read after that was so when it was closed. */
static inline uintptr_t gate_is_open(void)
{
    const uintptr_t *word = __atomic_load_n(&gate.word, __ATOMIC_ACQUIRE);

    return __atomic_load_n(word, __ATOMIC_ACQUIRE) - __atomic_load_n(&gate.value, __ATOMIC_ACQUIRE);
}

/* Files were loaded since it was closed. True if it is closed again. Keeps errno. */
bool gate_close(void);

/* Leaves RULE open: it has a grow function that is not redirected. Caller holds the lock. */
void gate_leave(const struct rule *rule);

/* Allocations of fewer bytes fit no rule that was left open. */
extern size_t gate_least __attribute__((visibility("hidden")));

/* True if such a rule takes this one. */
bool gate_leaves(uint64_t bytes, enum rule_call call);

/* Why the gate or a rule is open, for people; NULL: none is. */
const char *gate_why_open(void);

#endif
