/*
 * The first line of an index. The guest reads none with another one: an index
 * that an older or newer indexer kept.
 */
#ifndef MAPTRACE_INDEXER_REPORT_HEADER_H
#define MAPTRACE_INDEXER_REPORT_HEADER_H

#define REPORT_HEADER "maptrace-index 2\n"

#endif
