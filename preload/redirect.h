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

/* NULL if code of this process may be changed now, else why not, for people. */
const char *redirect_refused(void);

/* True if calls or entry of each of MODULE's ranges that make arrays are known, and its code is
 * that of the file. */
bool redirect_knows(struct module *module);

/* True if MODULE has such ranges, as far as redirect_knows(MODULE) has told. */
bool redirect_wants(const struct module *module);

/*
 * Lets each of these places run BODY first: position-independent code of
 * BODY_BYTES that keeps every register but the flags. All of them, or none
 * (false). Only if redirect_refused() was NULL and redirect_knows(MODULE).
 */
bool redirect_calls(const struct module *module, const uint8_t *body, size_t body_bytes);

#endif
