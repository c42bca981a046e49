/* The index of one file: everything a rule matches in it, from every source. */
#ifndef MAPTRACE_INDEXER_INDEX_H
#define MAPTRACE_INDEXER_INDEX_H

#include "indexer/report.h"
#include "indexer/rule_text.h"

/*
 * Fills REPORT for the ELF file PATH; separate debug files are looked for below
 * DEBUG_FOLDER. What goes wrong stands in report->error.
 */
void index_file(struct report *report, const char *path, const struct rule_text *rules,
                const char *debug_folder);
void index_release(struct report *report);

#endif
