/* One group of findings as text. */
#ifndef MAPTRACE_ANALYZER_TEXT_GROUP_H
#define MAPTRACE_ANALYZER_TEXT_GROUP_H

#include "analyzer/groups.h"
#include "analyzer/names.h"
#include "analyzer/paper.h"

void text_group(struct paper *paper, struct names *names, const struct group *group, size_t number);

#endif
