/* The report as JSON, schema maptrace-report/1. */
#ifndef MAPTRACE_ANALYZER_JSON_H
#define MAPTRACE_ANALYZER_JSON_H

#include <stdio.h>

#include "analyzer/names.h"
#include "analyzer/past_tables.h"
#include "analyzer/report.h"

/* A table that owns nothing any more is history: of very many, the largest say enough. */
#define JSON_MOST_PAST_TABLES 4096

/* PAST are those of each trace of REPORT. Returns 0 or -ENOMEM. Ask ferror(OUT) whether it took
 * all. */
int json_write(FILE *out, const struct report *report, struct past_tables *const *past,
               struct names *names);

#endif
