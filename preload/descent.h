/*
 * Whether this process belongs to a run without having been told: Go programs pass on
 * the environment that they were started with, without what the tracer in them has added.
 */
#ifndef MAPTRACE_PRELOAD_DESCENT_H
#define MAPTRACE_PRELOAD_DESCENT_H

#include <stdint.h>

/*
 * The first process of the run, if the trace at PATH is that of a process which this one was
 * before it executed something, or descends from; else 0.
 */
uint32_t descent_root(const char *path);

#endif
