/* The report as JSON, schema maptrace-report/1. */
#ifndef MAPTRACE_ANALYZER_JSON_H
#define MAPTRACE_ANALYZER_JSON_H

#include <stdio.h>

#include "analyzer/names.h"
#include "analyzer/report.h"

/* Returns 0 or -ENOMEM. Ask ferror(OUT) whether it took all. */
int json_write(FILE *out, const struct report *report, struct names *names);

#endif
