/* Has maptrace-report judge the traces of a run. */
#ifndef MAPTRACE_LAUNCHER_CHECK_H
#define MAPTRACE_LAUNCHER_CHECK_H

#include "launcher/trace_files.h"

/*
 * Runs REPORT (the path of maptrace-report) with --check, COUNT options (those that are
 * not NULL) and FILES. What it prints goes to stderr: stdout is the command's own.
 * Answers the exit status of the check.
 */
int check_traces(const char *report, char *const *options, size_t count,
                 const struct trace_files *files);

#endif
