/* The functions of a Go program's file, by its own table of functions. */
#ifndef MAPTRACE_ANALYZER_GO_NAMES_H
#define MAPTRACE_ANALYZER_GO_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "analyzer/module.h"
#include "trace/reader.h"

struct go_names;

/*
 * Opens the file of TRACED, as a trace that began at START (CLOCK_REALTIME) saw it. NULL if it
 * is not here, another build (*OTHER is true then), or no Go program.
 */
struct go_names *go_names_open(const struct trace_module *traced, uint64_t start, bool *other);
void go_names_close(struct go_names *names);

/* As module_look_up(). Returns false, and has called nobody, if ADDRESS is in no Go function. */
bool go_names_at(const struct go_names *names, uint64_t address, place_found *found, void *context);

#endif
