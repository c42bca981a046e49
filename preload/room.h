/*
 * Disk space behind the mapped trace. A write to a page without it could kill
 * the program (SIGBUS) when the disk is full, so it is reserved before it is
 * written to: a first piece of each region when the file is made, more as the
 * region fills. A program that records little takes little disk.
 *
 * More is reserved through the mapping (MADV_POPULATE_WRITE fails where a
 * write would kill), because the descriptor is closed: a program may close all
 * of its own. Where kernel or file system cannot do that, everything is
 * reserved at once.
 *
 * Called with the tracer's lock held. Regions are filled from their beginning.
 */
#ifndef MAPTRACE_PRELOAD_ROOM_H
#define MAPTRACE_PRELOAD_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "../trace/layout.h"

/* The trace at HEADER is private memory: there is room for all of it. */
void room_private(struct trace_header *header);

/*
 * FD becomes the file: gives it its size, and room for the first USED bytes of
 * each region (as layout_region() numbers them) and some more. 0 or -errno.
 */
int room_of_file(int fd, const uint64_t used[LAYOUT_REGIONS]);

/*
 * The file is mapped there. The kernel is not to read ahead of the first write
 * to a page: megabytes of holes would come into memory when a program starts.
 */
void room_mapped(void *at, uint64_t bytes);

/* True if ENTRIES of REGION, counted from its beginning, can be written to. */
bool room_for(const struct trace_region *region, uint64_t entries);

/* Reserves all that is left, or as much of it as the disk has: later there is no asking. */
void room_for_all(void);

#endif
