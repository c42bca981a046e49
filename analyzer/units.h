/* Times and sizes for people, and as people write them. */
#ifndef MAPTRACE_ANALYZER_UNITS_H
#define MAPTRACE_ANALYZER_UNITS_H

#include <stdint.h>

struct units_text {
    char text[48];
};

struct units_text units_time(uint64_t ns);     /* "3.2 s", "41 min" */
struct units_text units_size(uint64_t bytes);  /* "512 KiB" */
struct units_text units_exact(uint64_t bytes); /* "512 KiB (524288 bytes)" */
struct units_text units_count(uint64_t count); /* "16,384" */

/*
 * Read all of TEXT: a time as 0, 500us, 100ms, 2s, 5m, 1h into nanoseconds, a
 * size as 1, 64K, 1M, 2G into bytes. Return 0 or -EINVAL.
 */
int units_read_time(const char *text, uint64_t *ns);
int units_read_size(const char *text, uint64_t *bytes);

#endif
