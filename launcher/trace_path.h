/* The name of a trace that the launcher writes itself. */
#ifndef MAPTRACE_LAUNCHER_TRACE_PATH_H
#define MAPTRACE_LAUNCHER_TRACE_PATH_H

#include <sys/types.h>

/*
 * PATTERN, as in MAPTRACE_OUTPUT, for process PID that executes COMMAND: %p is the pid, %e
 * the program, %% a percent sign. NULL without memory; else to be freed.
 */
char *trace_path(const char *pattern, pid_t pid, const char *command);

#endif
