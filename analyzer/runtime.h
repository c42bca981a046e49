/* What a runtime with types and a garbage collector adds to a finding. */
#ifndef MAPTRACE_ANALYZER_RUNTIME_H
#define MAPTRACE_ANALYZER_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyzer/names.h"
#include "analyzer/report.h"

/* The name of the table's type, or NULL. */
const char *runtime_type(const struct trace *trace, const struct trace_resize *resize);

struct runtime_collections {
    bool known;
    uint64_t count, pause_ns;
    uint64_t heap_bytes; /* after the last of them; TRACE_UNKNOWN */
};

/* The garbage collections that ended while the old array of FINDING overstayed. */
struct runtime_collections runtime_collections(const struct finding *finding);

/* The innermost frame of STACK that is no part of the language's runtime, or NULL. */
const struct named_frame *runtime_caller(struct named_stack stack);

#endif
