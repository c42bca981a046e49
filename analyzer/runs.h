/*
 * A run is a process and its descendants. Says of all runs together whether
 * each rule could see, including descendants that left no trace: the first
 * process of a run counts them on its board.
 */
#ifndef MAPTRACE_ANALYZER_RUNS_H
#define MAPTRACE_ANALYZER_RUNS_H

#include "analyzer/report.h"

/*
 * Fills REPORT's rules from its traces, and adds a doubt for every run in which
 * no rule could see, or none of a user's. Returns 0 or -ENOMEM.
 */
int runs_judge(struct report *report);

/* Adds a formatted sentence to REPORT's doubts. Returns 0 or -ENOMEM. */
int report_doubt(struct report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
