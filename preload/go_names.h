/*
 * Included before everything in golang/ as it is compiled for the library: what it
 * allocates comes from go_pages, not from functions that the tracer watches, and is
 * to be had in a thread that libc does not know.
 */
#ifndef MAPTRACE_PRELOAD_GO_NAMES_H
#define MAPTRACE_PRELOAD_GO_NAMES_H
#ifndef __ASSEMBLER__

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* it is too late for that in what is compiled */
#endif

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void *go_pages_take(size_t bytes);
void *go_pages_take_zeroed(size_t count, size_t bytes);
void *go_pages_retake(void *block, size_t count, size_t bytes);
void go_pages_give(void *block);
char *go_pages_copy(const char *text, size_t most);

#undef malloc
#undef calloc
#undef reallocarray
#undef free
#undef strndup
#define malloc go_pages_take
#define calloc go_pages_take_zeroed
#define reallocarray go_pages_retake
#define free go_pages_give
#define strndup go_pages_copy

#endif
#endif
