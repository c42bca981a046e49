/* Where a trace comes from: the process, its program, command, machine and time. */
#ifndef MAPTRACE_PRELOAD_ORIGIN_H
#define MAPTRACE_PRELOAD_ORIGIN_H

#include <stdint.h>

#include "../trace/format.h"

/* ROOT_PID 0: this process is the first of its run. */
void origin_describe(struct trace_header *header, uint32_t root_pid);

#endif
