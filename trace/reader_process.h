/* Tells whether the process that wrote a trace is still writing it. */
#ifndef MAPTRACE_TRACE_READER_PROCESS_H
#define MAPTRACE_TRACE_READER_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "trace/format.h"

/*
 * True if the process that HEADER names lives on this machine, since this boot,
 * and has the file INODE mapped, or does not let us see that. An exec keeps the
 * process but drops the mapping: then the trace has ended.
 */
bool process_writes(const struct trace_header *header, ino_t inode);

#endif
