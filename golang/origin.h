/* Where a trace comes from, of a process that is not this one. */
#ifndef MAPTRACE_GOLANG_ORIGIN_H
#define MAPTRACE_GOLANG_ORIGIN_H

#include <sys/types.h>

#include "trace/format.h"

/* Fills HEADER's fields on the process PID, its command (or COMMAND), machine and writer. */
void origin_of(struct trace_header *header, pid_t pid, char *const *command);

/* Field 22 of /proc/PID/stat, which with the pid tells one process from all others; 0: none. */
uint64_t origin_start_ticks(pid_t pid);

#endif
