/*
 * The books of a Go program's classic maps: which resizes are open, and what is
 * known of each map that grew while we watched. Events come from the ring in
 * their order; what memory shows comes from looks.h. Everything is written into
 * the trace.
 *
 * A map is known by the address of its array: headers (hmap) that live on a
 * goroutine's stack move with it.
 */
#ifndef MAPTRACE_GOLANG_BOOKS_H
#define MAPTRACE_GOLANG_BOOKS_H

#include "golang/hmap.h"
#include "golang/open_maps.h"
#include "golang/ring.h"
#include "golang/sites.h"
#include "golang/type_ids.h"

#define GO_NONE UINT32_MAX

/* A map that grew. Its arrays have two places in the trace: the present one, and the old one. */
struct go_map {
    struct trace_array array; /* the present one, as it stands in the trace */
    uint64_t table;           /* the hmap, where it was last seen */
    uint64_t maptype, routine;
    uint32_t bucket_bytes;
    uint32_t open;  /* its open resize, or GO_NONE */
    uint32_t next;  /* free or changed maps: the next one */
    uint8_t log2;   /* buckets of the present array */
    uint8_t misses; /* looks that did not find it where it was */
    bool used, changed;
    bool old_written; /* the place of its old array in the trace is in use */
};

/* A resize whose old array the map still holds. */
struct go_open {
    struct trace_resize record;
    uint32_t map;
    uint32_t next, next_free; /* of the changed and of the free ones */
    uint64_t look_ns;         /* when to look again */
    uint64_t part;            /* of its arrays, to be looked at next */
    /* Collections that had ended at the first look that saw it rest; TRACE_UNKNOWN: none did. */
    uint64_t cycles;
    uint8_t misses; /* looks in a row that did not find the map there */
    bool used, changed, published;
};

struct go_books {
    struct go_trace *trace;
    struct go_type_ids *types;
    const struct trace_module *module; /* the program */
    struct trace_rule *record;         /* of the rule, in the trace */
    bool liveness;                     /* freed memory shows that it is */
    unsigned load_halves; /* entries that two buckets hold, on average, before a map grows */
    uint64_t cycles;      /* collections that have ended; TRACE_UNKNOWN */

    struct go_map *maps;
    uint32_t map_room, maps_used, free_maps, changed_maps, hand, look_hand;
    struct go_open *opens;
    uint32_t open_room, opens_used, free_opens, changed_opens;
    struct address_index by_array, by_old; /* maps by their present, opens by their old array */
    struct go_sites sites;
    uint32_t small[256]; /* the last resize of one bucket, by goroutine */
    uint64_t last_table_id;
    uint64_t look_quiet_ns; /* when to look again at maps that are not being resized */
};

/* TYPES and TRACE, which has its rule and module, must outlive the books. 0 or -ENOMEM. */
int go_books_make(struct go_books *books, struct go_trace *trace, struct go_type_ids *types);
void go_books_free(struct go_books *books);

/* NS: CLOCK_MONOTONIC. */
void go_books_event(struct go_books *books, const struct go_event *event, uint64_t ns);

/* A resize that was open before the first event. */
void go_books_found(struct go_books *books, const struct go_open_map *found);

/* --- for looks.c: what memory shows of the map of an open resize; NOW is time of the trace. */

/* HMAP holds both arrays. */
void go_books_progress(struct go_books *books, uint32_t open, const struct go_hmap *hmap,
                       uint64_t now);
/* The table could not be read where it was. */
void go_books_unreadable(struct go_books *books, uint32_t open, uint64_t now);
/* The old array is free memory: nothing led to the map any more. */
void go_books_collected(struct go_books *books, uint32_t open, uint64_t now);
/* The map has let go of its old array, and no event said when. */
void go_books_missed_end(struct go_books *books, uint32_t open, uint64_t now);
/* A map that is not being resized: how many entries it has; or it is gone. */
void go_books_counted(struct go_books *books, uint32_t map, uint64_t entries);
void go_books_forget(struct go_books *books, uint32_t map);
/* Of maps that were at one address the last one is there, if any is. */
void go_books_forget_twins(struct go_books *books);

/* The watch is over: what was looked at last before SINCE may have ended meanwhile. */
void go_books_unseen(struct go_books *books, uint64_t since);

/* Writes what has changed into the trace; and all of it, into one that has just got its file. */
void go_books_write(struct go_books *books);
void go_books_publish(struct go_books *books);

#endif
