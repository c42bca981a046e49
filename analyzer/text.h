/* The report for people. */
#ifndef MAPTRACE_ANALYZER_TEXT_H
#define MAPTRACE_ANALYZER_TEXT_H

#include <stdbool.h>
#include <stdio.h>

#include "analyzer/names.h"
#include "analyzer/report.h"

/* Returns 0 or -ENOMEM. Ask ferror(OUT) whether it took all. */
int text_write(FILE *out, const struct report *report, struct names *names, bool colours);

#endif
