/*
 * A grow under way on one thread, from the first array born in it until each
 * birth is settled.
 */
#ifndef MAPTRACE_PRELOAD_ACTIVATION_H
#define MAPTRACE_PRELOAD_ACTIVATION_H

#include <stdbool.h>
#include <stdint.h>

#include "arrays.h"
#include "evidence.h"

#define BIRTHS_MOST 8
#define FREED_MOST 8
#define LOOSE_MOST 16

/* An array that a grow made. */
struct birth {
    array_index array;
    uint64_t serial;
    uint64_t role;
    uint64_t bytes;
    uintptr_t address;
    uint64_t born_ns;
    uintptr_t grow_pc;
    uint32_t stack;
    uint32_t resize; /* the resize it opened, perhaps only supposed yet; 0: none */
    bool settled;
    bool scratch;   /* released before the grow was over */
    bool replaced;  /* what it replaced is known (realloc): only its table is asked for */
    bool announced; /* by a hook: pair and table are known, only the end of the grow is not */
    struct evidence evidence;
};

/* An array of the same rule that was released while the grow was under way. */
struct freed {
    struct trace_array record;
    uint64_t serial, role;
    uint64_t released_ns;
    bool taken; /* by the birth that replaced it */
};

/*
 * Any other block that was released meanwhile. If the table's pointer led to
 * it, it was the old array, made where no rule looks (by a constructor).
 */
struct loose {
    uintptr_t address;
    uint64_t bytes; /* 0: not known */
    uint64_t released_ns;
};

struct activation {
    struct activation *next; /* of the same thread, outer grows behind inner ones */
    struct rule *rule;
    uintptr_t cfa, return_address; /* of the outermost grow frame */
    uintptr_t function;            /* where its code begins; 0: not known */
    /*
     * The frames that may be the grow function's, innermost first; of the one
     * at frame_at it is watched (see returns.h) when it returns.
     */
    unsigned frame_count, frame_at;
    bool watched;
    bool whole;           /* that frame is the grow function's own: it was not inlined there */
    uint64_t returned_ns; /* when the grow function returned; 0: not yet */
    uint64_t last_ns;     /* the last event that was surely inside */
    unsigned looks;       /* how often it was looked at since it was over */
    bool over;
    unsigned birth_count, freed_count, loose_count; /* the last of loose_count are kept */
    /* From here on as much as is counted above. */
    struct evidence_frame frames[RECOGNISE_DEPTH];
    struct birth births[BIRTHS_MOST];
    struct freed freed[FREED_MOST];
    struct loose loose[LOOSE_MOST];
};

/* Fills the pool with a few, for a program that locks itself in. Caller holds the lock or is alone.
 */
void activation_start(void);

/* From a pool; NULL without memory, and counted as lost. Caller holds the lock. */
struct activation *activation_new(void);
void activation_drop(struct activation *activation);

/* Where the function begins that PC returns into. Caller holds the lock. */
uintptr_t activation_function(uintptr_t pc);

/* FRESH begins with the array that STACK tells of. Caller holds the lock. */
void activation_begin(struct activation *fresh, struct rule *rule,
                      const struct evidence_stack *stack);

/* True if the frame of ACTIVATION that is watched has returned to SITE. */
bool activation_has_returned(const struct activation *activation, const struct call_site *site);

/*
 * That frame was no grow function's; the next one may be. False if there is
 * none. Caller holds the lock.
 */
bool activation_watch_next(struct activation *activation);

/*
 * True once the grow function of ACTIVATION cannot be on the stack that SITE
 * was called from. Caller holds the lock.
 */
bool activation_is_over(const struct activation *activation, const struct call_site *site);

#endif
