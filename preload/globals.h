/* Global variables of the program. */
#ifndef MAPTRACE_PRELOAD_GLOBALS_H
#define MAPTRACE_PRELOAD_GLOBALS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Where a pointer into [LOW, LOW+BYTES) stands in the writable data of the
 * module of CODE, or of the main program; 4 MiB of each are searched. False if
 * nowhere. Caller holds the tracer's lock.
 */
bool globals_find(uintptr_t code, uintptr_t low, uint64_t bytes, uintptr_t *holder);

#endif
