/* The places in a program where maps grow, by type and caller: the sites of its trace. */
#ifndef MAPTRACE_GOLANG_SITES_H
#define MAPTRACE_GOLANG_SITES_H

#include "golang/address_index.h"
#include "golang/go_trace.h"

struct go_sites {
    struct go_trace *trace;
    struct address_index by_caller; /* by the return address mixed with the type */
};

/* TRACE must outlive SITES. 0 or -ENOMEM. */
int go_sites_make(struct go_sites *sites, struct go_trace *trace);
void go_sites_free(struct go_sites *sites);

/*
 * Counts RESIZE, which has just begun; CALLER: where the assignment to the map returns to. What
 * finds no room is left out.
 */
void go_sites_count(struct go_sites *sites, uint64_t caller, const struct trace_resize *resize);

#endif
