/*
 * The environment that steers the library. Values that make no sense are
 * complained about (in the trace) and count as not given.
 */
#ifndef MAPTRACE_PRELOAD_OPTIONS_H
#define MAPTRACE_PRELOAD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How it is told that an allocation makes no array. All tell the same. */
enum match {
    MATCH_MARKS, /* calls of grow functions are marked, where they can be */
    MATCH_FAST,  /* no code of the program is changed */
    MATCH_FULL,  /* every stack is walked in full */
};

struct options {
    bool disabled, verbose;
    enum match match;
    bool no_returns; /* no return address is ever replaced */
    uint64_t ring_bytes;
    const char *rules; /* files, `:` between; NULL: none */
    const char *bad;   /* a variable with a value that was not understood, or NULL */
    char output[4096]; /* absolute; of the first process of the run */
    uint32_t root_pid; /* 0: this is the first process of its run */
};

/* The variable by which the first process tells its descendants: PID:PATH. */
#define OPTIONS_RUN "MAPTRACE_RUN"

void options_read(struct options *options);

#endif
