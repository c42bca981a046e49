/*
 * What runtimes with types and a garbage collector tell, as JSON. All return a
 * new reference, NULL without memory.
 */
#ifndef MAPTRACE_ANALYZER_JSON_RUNTIME_H
#define MAPTRACE_ANALYZER_JSON_RUNTIME_H

#include <jansson.h>

#include "analyzer/advice.h"
#include "analyzer/report.h"

/* A type's name, or null. */
json_t *json_type_name(const struct trace *trace, uint32_t type);
/* Key "go" of a finding, and of a trace; null for what is not Go's. */
json_t *json_go_finding(const struct finding *finding);
json_t *json_go_trace(const struct trace *trace);
/* Rows of "growth" and "advice", but for their stacks. */
json_t *json_site(const struct trace *trace, const struct trace_site *site);
json_t *json_advice(const struct advice *advice);

#endif
