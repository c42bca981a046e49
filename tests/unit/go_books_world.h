/*
 * The books of a Go program's maps, with events that are made up and maps that stand in this
 * process, and the trace that they leave.
 */
#ifndef MAPTRACE_TESTS_GO_BOOKS_WORLD_H
#define MAPTRACE_TESTS_GO_BOOKS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/judge.h"
#include "golang/books.h"
#include "golang/looks.h"
#include "golang/trace_file.h"
#include "trace/reader.h"

enum { TYPE = 0x1000, BUCKET = 144, MS = 1000000 };

/* A map as Go has it: old and new array, and the header. */
struct fake {
    unsigned char old[BUCKET * 16], new[BUCKET * 32];
    struct go_hmap hmap;
};

struct state {
    char path[64];
    struct trace_file file;
    struct go_trace trace;
    struct memory memory;
    struct go_map_type type;
    struct go_types types;
    struct go_type_ids ids;
    struct go_books books;
    uint64_t ns; /* of the next event, CLOCK_MONOTONIC */
};

static int set_up(void **context)
{
    struct state *state = calloc(1, sizeof *state);

    assert_non_null(state);
    *context = state;
    snprintf(state->path, sizeof state->path, "/tmp/test_go_books.XXXXXX");
    int fd = mkstemp(state->path);
    assert_true(fd >= 0);
    close(fd);
    unlink(state->path);
    assert_int_equal(memory_open(&state->memory, getpid()), 0);
    assert_int_equal(trace_file_make(&state->file, state->path, getpid(), NULL, 1 << 20, 1000), 0);
    struct trace_header *header = state->file.writer.header;
    struct trace_rule *rule = trace_entry(&state->file.writer, &header->rules, 0);
    *rule = (struct trace_rule){.name = "go-map", .kind = TRACE_INCREMENTAL};
    header->rules_used = 1;
    header->flags = TRACE_FLAG_LIVENESS;
    state->trace = (struct go_trace){.writer = &state->file.writer};
    state->type =
        (struct go_map_type){.address = TYPE, .name = "map[int]int", .bucket_bytes = BUCKET};
    state->types = (struct go_types){&state->type, 1};
    assert_int_equal(go_type_ids_make(&state->ids, &state->trace, &state->memory, &state->types),
                     0);
    assert_int_equal(go_books_make(&state->books, &state->trace, &state->ids), 0);
    state->ns = 1000;
    return 0;
}

static int tear_down(void **context)
{
    struct state *state = *context;

    go_books_free(&state->books);
    go_type_ids_free(&state->ids);
    trace_file_close(&state->file);
    memory_close(&state->memory);
    unlink(state->path);
    free(state);
    return 0;
}

static uint64_t address(const void *at)
{
    return (uint64_t)(uintptr_t)at;
}

/* FAKE's map of 2^LOG2 buckets begins to grow. */
static void grow(struct state *state, struct fake *fake, unsigned log2)
{
    struct go_event event = {
        .kind = GO_EVENT_GROW,
        .frames = 2,
        .goroutine = 0x100,
        .hmap = address(&fake->hmap),
        .maptype = TYPE,
        .count = log2 > 0 ? (13u << log2) / 2 : 8,
        .log2 = (uint8_t)log2,
        .buckets = address(fake->old),
        .pc = {0x2000, 0x3000},
    };

    fake->hmap = (struct go_hmap){.count = event.count,
                                  .log2_buckets = (uint8_t)(log2 + 1),
                                  .buckets = address(fake->new),
                                  .oldbuckets = address(fake->old)};
    go_books_event(&state->books, &event, state->ns += MS);
}

static void end(struct state *state, const struct fake *fake, enum go_event_kind kind)
{
    struct go_event event = {
        .kind = kind,
        .goroutine = 0x100,
        .hmap = address(&fake->hmap),
        .count = fake->hmap.count,
        .flags = fake->hmap.flags,
        .log2 = fake->hmap.log2_buckets,
        .buckets = address(fake->new),
        .oldbuckets = address(fake->old),
        .nevacuate = fake->hmap.nevacuate,
    };

    go_books_event(&state->books, &event, state->ns += MS);
}

/* COUNT old buckets have moved. */
static void move_buckets(struct fake *fake, uint64_t count)
{
    fake->hmap.nevacuate = count;
    for (uint64_t i = 0; i < count; i++)
        memset(fake->old + i * BUCKET, GO_MARK_EVACUATED_FIRST, GO_SLOTS);
}

static void look(struct state *state, uint64_t pause_ns)
{
    state->ns += pause_ns;
    go_look(&state->books, &state->memory, go_trace_time(&state->trace, state->ns), false);
}

static struct trace *read_back(struct state *state)
{
    struct trace *trace;
    char error[500];

    go_books_write(&state->books);
    state->file.writer.header->end = TRACE_END_EXIT;
    state->file.writer.header->end_ns = go_trace_time(&state->trace, state->ns);
    if (trace_read(state->path, NULL, &trace, error, sizeof error) != 0)
        fail_msg("%s", error);
    return trace;
}

#endif
