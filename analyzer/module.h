/*
 * One loaded file: finds it and its debug information, and tells what is at an
 * address of it. Addresses are virtual addresses of the file.
 */
#ifndef MAPTRACE_ANALYZER_MODULE_H
#define MAPTRACE_ANALYZER_MODULE_H

#include <stdbool.h>
#include <stdint.h>

#include "trace/reader.h"

struct module;

/* One function at an address. The texts are only valid during the call that brings them. */
struct place {
    const char *symbol; /* as linked, maybe mangled; NULL: not known */
    const char *file;   /* NULL: not known */
    unsigned line;      /* 0: not known */
};

/*
 * Opens what TRACED describes, as a trace that began at START (CLOCK_REALTIME)
 * saw it. Never fails but for want of memory (NULL): a file that is not here,
 * or another build, just has no names.
 */
struct module *module_open(const struct trace_module *traced, uint64_t start);
void module_close(struct module *module);

/* Why there is no file to take names from; NULL if there is one. */
const char *module_missing(const struct module *module);

typedef void place_found(void *context, const struct place *place, bool inlined);

/*
 * Calls FOUND for the functions at ADDRESS: inlined ones innermost first, last
 * the one that holds them all. Without a name FOUND is called once all the same.
 */
void module_look_up(struct module *module, uint64_t address, place_found *found, void *context);

#endif
