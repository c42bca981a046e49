/*
 * Sends calls of the program, or all that enters a function, through a few
 * instructions of ours.
 *
 * Of a call only the operand is changed (or its form, for one of equal length),
 * so the return address, and with it every stack, stays what it was. At an entry
 * the instructions behind the first are moved, and a jump to them takes their
 * place. What is changed is known byte for byte before; where anything is in
 * doubt nothing is.
 */
#ifndef MAPTRACE_PRELOAD_REDIRECT_H
#define MAPTRACE_PRELOAD_REDIRECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modules.h"

/*
 * NULL if code of this process may be changed now, else why not, for people. SANDBOXED: a
 * seccomp filter that was there from the start is no reason, as in containers; what is tried
 * is no more than a loader does.
 */
const char *redirect_refused(bool sandboxed);

/* Memory that code from LOW to HIGH can reach, zero and not to be executed yet, or NULL. */
uint8_t *redirect_map_near(uintptr_t low, uintptr_t high, size_t bytes);

/* Lets memory of redirect_map_near() be executed, and no longer written. */
bool redirect_make_code(uint8_t *at, size_t bytes);

struct redirect_change {
    uintptr_t place;
    const uint8_t *code;
    size_t bytes;
};

/* Writes over code that no thread is in. All of it, or none. Only if redirect_refused() was NULL.
 */
bool redirect_write(const struct redirect_change *changes, size_t count);

/* True if calls or entry of RANGE of MODULE are known, and its code is that of the file. */
bool redirect_knows(const struct module *module, const struct code_range *range);

/* RANGE is to be redirected. Only if it is known. */
void redirect_want(struct module *module, const struct code_range *range);

/* True if MODULE has such ranges. */
bool redirect_wants(const struct module *module);

/*
 * Lets calls or entry of all that is wanted run BODY first: position-independent code of
 * BODY_BYTES that keeps every register but the flags. All of them, or none
 * (false). Only if redirect_refused() was NULL.
 */
bool redirect_calls(const struct module *module, const uint8_t *body, size_t body_bytes);

#endif
