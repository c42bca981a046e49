/*
 * Writes the trace: the only module that knows where in the file a thing
 * stands. Everything here is called with the tracer's lock held.
 *
 * Until a file is wanted (the first process wants one at once, a descendant
 * when a rule has recognised something) the same layout lives in private
 * memory; the file is then mapped over it.
 */
#ifndef MAPTRACE_PRELOAD_RECORDER_H
#define MAPTRACE_PRELOAD_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../trace/format.h"
#include "../trace/writer.h"

struct module;

struct recorder_plan {
    uint64_t ring_bytes;
    uint32_t flags;    /* enum trace_flag */
    bool shared;       /* the maps of a Go program are recorded as well: see recorder_writer() */
    uint32_t root_pid; /* 0: this process is the first of its run */
    const char *path;  /* absolute, where the trace will stand */
};

/* Lays the trace out in private memory. 0 or -errno. */
int recorder_prepare(const struct recorder_plan *plan);
/*
 * Gives the trace its file: created 0600, links not followed, room reserved.
 * What stood there is renamed to PATH.old for the first process; a
 * descendant never replaces anything. 0 or -errno (then tracing is off).
 */
int recorder_begin(void);
bool recorder_has_file(void);
const char *recorder_path(void);

/* Leaves the parent's file after a fork, for a layout of the child's own. 0 or -errno. */
int recorder_leave(const struct recorder_plan *plan);

struct trace_header *recorder_header(void);
/* For who writes live entries of odd numbers into a shared trace. */
struct trace_writer *recorder_writer(void);
struct trace_rule *recorder_rule(unsigned index);

/* Nanoseconds since the trace began. */
uint64_t recorder_now(void);

/*
 * Room for live entries; the index of an entry is the caller's, who asks before
 * it gives out a new one whether that fits: a disk may be full.
 */
uint32_t recorder_array_room(void);
uint32_t recorder_resize_room(void);
bool recorder_array_fits(uint32_t index);
bool recorder_resize_fits(uint32_t index);
void recorder_array(uint32_t index, const struct trace_array *array);
void recorder_resize(uint32_t index, const struct trace_resize *resize);
/* A finished resize, into one of the rings. */
void recorder_finished(const struct trace_resize *resize);

/* The module's index in the trace, TRACE_NO_MODULE without room. */
uint32_t recorder_module(const struct module *module);
void recorder_module_gone(const struct module *module);

/* MODULE has a table of functions of Go's; ID, which may be NULL: of BYTES, if it has no other. */
void recorder_module_is_go(const struct module *module, const char *id, size_t bytes);

/* The id of a stack of COUNT frames as format.h packs them; the same stack has the same id. 0: no
 * room. */
uint32_t recorder_stack(const uint64_t *frames, uint32_t count);

/* Adds one line of text, for the report to show. */
void recorder_message(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The program said that it ends; recording goes on until it is dead. */
void recorder_end(void);

/*
 * The program is about to lock itself in: no system call from then on. STRICT:
 * not even a clock may be read.
 */
void recorder_sandboxed(bool strict);

#endif
