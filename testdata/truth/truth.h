/*
 * How a program of a known truth says what is true of it: one JSON object a
 * line, on standard output, or appended to the file that TRUTH_FILE names (for
 * programs that close or share their descriptors).
 *
 *     {"is":"finding", ...}   one array that the report must find
 *     {"is":"totals", ...}    counts the report must agree with
 *     {"is":"note", ...}      whatever else a test wants to know
 *
 * Nothing here allocates, so that it may stand anywhere, and addresses are
 * those the program itself sees.
 */
#ifndef MAPTRACE_TESTDATA_TRUTH_H
#define MAPTRACE_TESTDATA_TRUTH_H

#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))
#define ALWAYS_INLINE __attribute__((always_inline)) inline

/* Keeps the compiler from leaving out what only this pointer shows. */
#define USE(pointer) __asm__ volatile("" : : "r"(pointer) : "memory")

__attribute__((format(printf, 1, 2))) static inline void truth_line(const char *format, ...)
{
    char line[1024];
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    if (length < 0 || length >= (int)sizeof line - 1)
        abort();
    line[length++] = '\n';

    const char *path = getenv("TRUTH_FILE");
    int file = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : STDOUT_FILENO;
    if (file < 0 || write(file, line, (size_t)length) != length)
        abort();
    if (path)
        close(file);
}

/* One finding. Fields left out are not compared. */
struct truth {
    const char *kind;  /* leaked, late or stuck */
    const void *table; /* the container, and how big the object is */
    size_t table_bytes;
    const void *array; /* the old array */
    size_t bytes;
    const void *new_array; /* what replaced it */
    size_t new_bytes;
    long moved, of; /* buckets; both 0: not known */
    long pid;       /* 0: this process's, by a system call */
};

static inline void truth_finding(const struct truth truth)
{
    truth_line("{\"is\":\"finding\",\"kind\":\"%s\",\"pid\":%ld,\"table\":\"0x%lx\","
               "\"table_bytes\":%zu,\"array\":\"0x%lx\",\"bytes\":%zu,\"new_array\":\"0x%lx\","
               "\"new_bytes\":%zu,\"moved\":%ld,\"of\":%ld}",
               truth.kind, truth.pid ? truth.pid : (long)getpid(), (unsigned long)truth.table,
               truth.table_bytes, (unsigned long)truth.array, truth.bytes,
               (unsigned long)truth.new_array, truth.new_bytes, truth.moved, truth.of);
}

static inline void truth_totals(long tables, long resizes)
{
    truth_line("{\"is\":\"totals\",\"pid\":%ld,\"tables\":%ld,\"resizes\":%ld}", (long)getpid(),
               tables, resizes);
}

static inline void sleep_milliseconds(long milliseconds)
{
    struct timespec rest = {milliseconds / 1000, milliseconds % 1000 * 1000000};

    while (nanosleep(&rest, &rest) != 0)
        ;
}

/* A fixed sequence of numbers: the same program has the same truth every time. */
static inline uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

#endif
