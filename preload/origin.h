/* Where a trace comes from: the process, its program, command, machine and time. */
#ifndef MAPTRACE_PRELOAD_ORIGIN_H
#define MAPTRACE_PRELOAD_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "../trace/format.h"

/* ROOT_PID 0: this process is the first of its run. */
void origin_describe(struct trace_header *header, uint32_t root_pid);

struct origin_process {
    uint32_t parent;
    uint64_t start_ticks; /* with the pid it tells one process from all others */
};

/* Fields 4 and 22 of /proc/PID/stat. False if there is no such process. */
bool origin_process(uint32_t pid, struct origin_process *process);

#endif
