/*
 * Where a report goes. A file appears under its name only when it is whole, so
 * that nobody reads half a report, and a failed one leaves the last in place.
 */
#ifndef MAPTRACE_ANALYZER_OUTPUT_H
#define MAPTRACE_ANALYZER_OUTPUT_H

#include <stddef.h>

/* Writes BYTES to the file PATH; NULL is standard output. Returns 0 or -errno. */
int output_write(const char *path, const char *bytes, size_t length);

#endif
