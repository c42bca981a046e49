/*
 * The resizes whose old array is alive (or whose pairing is not settled yet),
 * and the totals that follow from them. Caller holds the tracer's lock.
 */
#ifndef MAPTRACE_PRELOAD_OPEN_RESIZES_H
#define MAPTRACE_PRELOAD_OPEN_RESIZES_H

#include <stdbool.h>
#include <stdint.h>

#include "../rules/rule.h"
#include "arrays.h"

struct birth;

struct open_resize {
    struct trace_resize record;
    array_index old; /* 0 once it is released */
    uint64_t old_serial;
    struct birth *owner; /* while unsettled: whose supposed replacement it is */
    bool unsettled;      /* a birth may still take it back: it stays here even when released */
    uint32_t next_free;
};

int open_resizes_start(uint32_t room);
struct open_resize *open_resizes_at(uint32_t index);
uint32_t open_resizes_end(void);
uint32_t open_resizes_incremental(void);

/*
 * OLD (alive) was replaced by NEW at NS. Fills the record from both, makes NEW
 * continue OLD's table, and counts. 0: no room (counted as lost).
 */
uint32_t open_resizes_open(const struct rule *rule, array_index old, array_index new, uint64_t ns);
/* The same for an old array that is gone already. */
uint32_t open_resizes_open_released(const struct rule *rule, const struct trace_array *old,
                                    uint64_t old_serial, uint64_t released_ns, array_index new,
                                    uint64_t ns);
/* It was none after all. */
void open_resizes_cancel(uint32_t index);
/*
 * The old array is released. Moves the resize to the rings if it is settled; else it is for the
 * caller to settle or publish it.
 */
void open_resizes_release(uint32_t index, uint64_t ns, bool retired);
/* Nothing will change the pair any more. */
void open_resizes_settle(uint32_t index);
void open_resizes_publish(uint32_t index);

/* A resize that was over at once: a realloc. */
void open_resizes_instant(const struct rule *rule, const struct trace_array *old, array_index new,
                          uint64_t ns);

/* In a fork's child: what is open is the parent's to judge. */
void open_resizes_inherit(void);

/* Array totals. */
void totals_array_added(const struct rule *rule, uint64_t bytes);
void totals_array_removed(uint64_t bytes);
void totals_array_inherited(uint64_t bytes);
/* It was a scratch block, no array. */
void totals_array_retracted(uint16_t rule);
uint64_t totals_new_table(void);

#endif
