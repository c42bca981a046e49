/* What runtimes with types and a garbage collector tell, as text. */
#ifndef MAPTRACE_ANALYZER_TEXT_RUNTIME_H
#define MAPTRACE_ANALYZER_TEXT_RUNTIME_H

#include "analyzer/advice.h"
#include "analyzer/names.h"
#include "analyzer/paper.h"
#include "analyzer/report.h"

/* How the table of FINDING, whose type and entries are known, grew; in lines from COLUMN on. */
void text_growth(struct paper *paper, size_t column, const struct finding *finding);

/* The collections through which the old array was held; they are known. */
void text_collections(struct paper *paper, size_t column, const struct finding *finding);

/* Lines of the totals: what was collected while TRACE was written. Nothing without a collector. */
void text_collected(struct paper *paper, const struct trace *trace);

/* A part of its own: what could be saved. */
void text_advices(struct paper *paper, struct names *names, const struct advices *advices);

#endif
