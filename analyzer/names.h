/*
 * Names for frames: function, source file and line, from the program's own
 * files and whatever debug information belongs to them (by build-id,
 * .gnu_debuglink, .gnu_debugdata, and debuginfod if DEBUGINFOD_URLS is set).
 *
 * A file is believed only if it has the build-id that the trace recorded.
 * Frames are named when they are asked for, each once. All results live as long
 * as the struct names. Not thread-safe.
 */
#ifndef MAPTRACE_ANALYZER_NAMES_H
#define MAPTRACE_ANALYZER_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/reader.h"

struct names;

/* One function at a frame. Unknown texts are NULL, an unknown line is 0. */
struct named_frame {
    const char *function; /* demangled */
    const char *file;
    const char *module; /* path */
    /* Return address, as a virtual address of the module's file; absolute without a module. */
    uint64_t address;
    unsigned line;
    bool inlined; /* into the frame that follows, whose address it shares */
};

struct named_stack {
    const struct named_frame *frames; /* innermost first */
    size_t count;
};

struct names *names_new(void); /* NULL: no memory */
void names_free(struct names *names);

/* The stack ID of TRACE without the tracer's own frames. Empty if it has none, or without memory.
 */
struct named_stack names_stack(struct names *names, const struct trace *trace, uint32_t id);

/*
 * Modules that frames were asked of but that could not be used: the INDEXth's
 * path and, in WHY, the reason; NULL after the last.
 */
const char *names_missing(const struct names *names, size_t index, const char **why);

#endif
