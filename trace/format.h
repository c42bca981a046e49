/*
 * The layout of a trace file, version 1: the only thing the guest and the
 * analyzer share.
 *
 * One process writes one file, through a shared mapping, so that whatever was
 * recorded survives the death of the process without any exit handler.
 *
 * The guest pairs arrays while the program runs, so the file holds no raw
 * events: it holds the *live state* (arrays and open resizes, which a wrapped
 * ring can therefore never lose) and two rings of *finished* resizes.
 *
 *     header | rules | modules | stacks | arrays | resizes | notable | recent | messages
 *            | types | sites | collections
 *
 * All integers are little-endian. Times are CLOCK_MONOTONIC nanoseconds since
 * header.start_monotonic_ns. Every region is described by a struct
 * trace_region in the header; readers use its offset and entry_bytes, never
 * sizeof, so that entries can grow at their end without a new version.
 */
#ifndef MAPTRACE_TRACE_FORMAT_H
#define MAPTRACE_TRACE_FORMAT_H

#include <stdint.h>

#define TRACE_MAGIC "MAPTRACE" /* 8 bytes, no terminator */
#define TRACE_VERSION 1u

#define TRACE_UNKNOWN UINT64_MAX /* a number that is not known */
#define TRACE_NAME_BYTES 64u
#define TRACE_PATH_BYTES 256u
#define TRACE_REASON_BYTES 320u
#define TRACE_COMMAND_BYTES 2048u
#define TRACE_BUILD_ID_BYTES 32u
#define TRACE_HISTOGRAM_BUCKETS 48u
#define TRACE_STACK_DEPTH 64u

struct trace_region {
    uint64_t offset;      /* bytes from the start of the file */
    uint32_t entry_bytes; /* bytes from one entry to the next */
    uint32_t capacity;    /* entries */
};

enum trace_end {
    TRACE_END_NONE = 0,   /* still running, or died without a word */
    TRACE_END_EXIT = 1,   /* exit(), _exit() or return from main was seen */
    TRACE_END_SIGNAL = 2, /* `maptrace run` saw the process die of a signal */
    TRACE_END_DETACHED = 3, /* tracing ended, the process went on */
};

enum trace_flag {
    TRACE_FLAG_DESCENDANT = 1u << 0, /* not the first process of its run */
    TRACE_FLAG_FORKED = 1u << 1,     /* began by fork without exec */
    TRACE_FLAG_OFF = 1u << 2,        /* tracing was given up; see messages */
    TRACE_FLAG_SANDBOXED = 1u << 3,  /* a seccomp filter was set: table memory is no longer read */
    TRACE_FLAG_PREPARING = 1u << 4,  /* start-up was not finished */
    TRACE_FLAG_LIVENESS = 1u << 5,   /* a collector's garbage can be told from what is in use */
    TRACE_FLAG_ATTACHED = 1u << 6,   /* tracing began when the process was running already */
};

struct trace_header {
    char magic[8];
    uint32_t version;
    uint32_t header_bytes;
    uint64_t file_bytes;

    struct trace_region rules;    /* struct trace_rule, rules_used of them */
    struct trace_region modules;  /* struct trace_module, modules_used of them */
    struct trace_region stacks;   /* uint64_t words, stack_words_used of them */
    struct trace_region arrays;   /* struct trace_array: live arrays, state TRACE_SLOT_FREE are holes */
    struct trace_region resizes;  /* struct trace_resize: resizes whose old array is alive; with holes */
    struct trace_region notable;  /* ring of struct trace_resize: old arrays that lived >= notable_ns */
    struct trace_region recent;   /* ring of struct trace_resize: all other finished resizes */
    struct trace_region messages; /* bytes: lines of text, message_bytes of them */

    uint32_t flags; /* enum trace_flag */
    uint32_t pid;
    uint32_t parent_pid;
    uint32_t root_pid;             /* pid of the first process of the run */
    uint64_t process_start_ticks;  /* field 22 of /proc/PID/stat: tells a reused pid */
    uint64_t start_monotonic_ns;
    uint64_t start_realtime_ns;
    char boot_id[40];              /* /proc/sys/kernel/random/boot_id, text */
    char machine[TRACE_NAME_BYTES]; /* host name */
    char program[TRACE_PATH_BYTES]; /* /proc/self/exe */
    char directory[TRACE_PATH_BYTES]; /* working directory at start */
    uint32_t command_bytes;        /* of command, each argument NUL-terminated */
    uint32_t command_cut;          /* 1: it did not fit */
    char command[TRACE_COMMAND_BYTES];

    uint64_t notable_ns; /* see region notable */

    /* What follows changes while the process runs. */
    uint32_t end;        /* enum trace_end */
    uint32_t end_status; /* exit status or signal number, TRACE_END_SIGNAL only */
    uint64_t end_ns;     /* 0 until known */
    uint64_t last_ns;    /* the newest time anything was recorded */

    uint32_t rules_used;
    uint32_t modules_used;
    uint32_t stack_words_used;
    uint32_t message_bytes;
    uint64_t notable_written; /* records ever claimed: slot = n % capacity */
    uint64_t recent_written;

    uint64_t tables;           /* tables ever seen */
    uint64_t arrays_seen;      /* arrays ever seen */
    uint64_t resizes_seen;     /* arrays that replaced another */
    uint64_t live_arrays;
    uint64_t live_array_bytes;
    uint64_t old_array_bytes;  /* of arrays that have been replaced and live on */
    uint64_t peak_array_bytes;
    uint64_t peak_old_bytes;

    /* Losses. A verdict that depends on one of them is 'inconclusive'. */
    uint64_t lost_arrays;    /* arrays or resizes for which there was no room */
    uint64_t lost_releases;  /* releases that could not be recorded */
    uint64_t lost_stacks;    /* stacks cut or dropped for want of room: no verdict depends on them */

    /*
     * The run board, kept in the trace of the first process only: what its
     * descendants saw, most of which leave no trace file of their own.
     */
    uint64_t run_processes;  /* descendants that started (exec or fork with activity) */
    uint64_t run_traces;     /* of these, how many wrote a trace */

    /* What only runtimes with types and a collector of their own have: Go's. */
    struct trace_region types;       /* struct trace_type, types_used of them */
    struct trace_region collections; /* ring of struct trace_collection */
    uint64_t collections_written;
    uint32_t types_used;
    uint32_t writer_pid;         /* who writes this file; 0: the process itself */
    uint64_t writer_start_ticks; /* as process_start_ticks */
    uint64_t collected;          /* resizes that ended because nothing led to the table any more */
    uint64_t orphans;            /* ends of resizes whose beginning was not seen */
    struct trace_region sites;   /* struct trace_site, sites_used of them */
    uint32_t sites_used;
    uint32_t reserved;
};

enum trace_rule_kind { TRACE_IMMEDIATE = 0, TRACE_INCREMENTAL = 1, TRACE_REALLOC = 2 };

enum trace_rule_status {
    TRACE_RULE_ABSENT = 0,
    TRACE_RULE_BLIND = 1,
    TRACE_RULE_IDLE = 2,
    TRACE_RULE_ACTIVE = 3,
};

enum trace_rule_flag {
    TRACE_RULE_USER = 1u << 0,     /* given by the user, not built in */
    TRACE_RULE_PROGRESS = 1u << 1, /* names the places that show progress */
    TRACE_RULE_BROKEN = 1u << 2,   /* its text has an error; reason says where */
    TRACE_RULE_PARTIAL = 1u << 3,  /* stays blind although some arrays were seen: most are elsewhere */
    TRACE_RULE_PRESENT = 1u << 4,  /* its container is in the program for sure */
};

struct trace_rule {
    char name[TRACE_NAME_BYTES];
    char about[128];
    uint8_t kind;   /* enum trace_rule_kind */
    uint8_t status; /* enum trace_rule_status */
    uint16_t flags; /* enum trace_rule_flag */
    uint32_t symbols; /* functions, inlined copies and hooks that matched */
    uint64_t arrays;
    uint64_t resizes;
    char reason[TRACE_REASON_BYTES]; /* why blind, and what would help; or a caveat when it sees */
    /*
     * Old arrays released, by how long they outlived the end of their resize
     * (or stalled, if that was longer): bucket 0 is 0 ns, bucket n is
     * [2^(n-1), 2^n) ns. Counts what a wrapped ring has overwritten, too.
     */
    uint64_t overstays[TRACE_HISTOGRAM_BUCKETS];
    /*
     * Run board (first process only): descendants by status of this rule, and the
     * reason of the first one in which it was blind. Most of these leave no trace.
     */
    uint64_t run_status[4]; /* indexed by enum trace_rule_status */
    uint64_t reserved;
    char run_reason[TRACE_REASON_BYTES];
};

/* One loaded file, for one stay in memory. Never reused within a trace. */
struct trace_module {
    uint64_t low, high;  /* mapped range */
    uint64_t bias;       /* address - bias = virtual address in the file */
    uint64_t loaded_ns;
    uint64_t unloaded_ns; /* 0: still loaded */
    uint8_t build_id[TRACE_BUILD_ID_BYTES];
    uint32_t build_id_bytes; /* 0: none */
    uint32_t path_cut;
    char path[TRACE_PATH_BYTES];
    uint32_t flags; /* enum trace_module_flag */
    uint32_t reserved;
};

enum trace_module_flag {
    TRACE_MODULE_GO = 1u << 0, /* its functions are in a Go table (pclntab) */
};

/* What a table holds, in the words of its language. */
struct trace_type {
    char name[248];
    uint32_t entry_bytes; /* of a bucket */
    uint32_t entries;     /* that fit into a bucket */
};

/*
 * One place in the program where tables of one type grow: all that was seen,
 * whatever became of them and of the records of their resizes.
 */
struct trace_site {
    uint32_t type;  /* index in region types + 1 */
    uint32_t stack; /* of one of its resizes */
    uint64_t tables; /* whose first resize that was seen was here */
    uint64_t resizes, same_size;
    uint64_t replaced_bytes; /* old arrays */
    uint64_t most_resizes;   /* of one table, here or elsewhere before */
    uint64_t most_entries;   /* in a table when it grew here */
    uint64_t most_bytes;     /* of a new array */
};

/* A finished garbage collection, or several that ended between two looks at the counters. */
struct trace_collection {
    uint64_t number;   /* 1 + the claim number, written last, as in a resize */
    uint64_t at_ns;    /* when the last of them ended */
    uint64_t cycles;   /* finished since the process began */
    uint64_t pause_ns; /* the world stood still, all cycles together */
    uint64_t heap_bytes; /* in use; TRACE_UNKNOWN */
};

/*
 * Stacks: a stack's id is the index of its first word; 0 is "no stack". The
 * first word holds the number of frames in its low 16 bits (a hash above), the
 * frames follow, innermost first. A frame is a return address:
 * module index << 48 | virtual address in that module's file; module
 * TRACE_NO_MODULE means an absolute address outside every module.
 */
#define TRACE_NO_MODULE 0xffffu
#define TRACE_FRAME_ADDRESS(frame) ((frame) & 0xffffffffffffull)
#define TRACE_FRAME_MODULE(frame) ((uint32_t)((frame) >> 48))
#define TRACE_STACK_FRAMES(word) ((uint32_t)((word) & 0xffff))

enum trace_confidence {
    TRACE_EXACT = 0,     /* proven: the table's own pointer went from old to new, or a hook or realloc named both */
    TRACE_INFERRED = 1,  /* the evidence points to one array, without proof */
    TRACE_AMBIGUOUS = 2, /* several arrays fit; this one fits best */
};

enum trace_slot_state {
    TRACE_SLOT_FREE = 0,
    TRACE_SLOT_USED = 1,
};

enum trace_array_flag {
    TRACE_ARRAY_INHERITED = 1u << 0, /* made by the parent, before the fork */
    TRACE_ARRAY_ADOPTED = 1u << 1,   /* not seen being allocated */
    TRACE_ARRAY_OLD = 1u << 2,       /* replaced; the matching resize is in region resizes */
    TRACE_ARRAY_MAPPED = 1u << 3,    /* by mmap */
    TRACE_ARRAY_GLOBAL = 1u << 4,    /* its holder is a global variable */
    TRACE_ARRAY_COUNTED = 1u << 5,   /* entries is known */
};

/*
 * Live entries (arrays, resizes) are written under a sequence: odd while an
 * entry is being written, even when it is whole. An odd entry in a dead
 * process's trace was cut in the middle: it is neither used nor free.
 */
struct trace_array {
    uint32_t sequence;
    uint8_t state; /* enum trace_slot_state */
    uint8_t flags; /* enum trace_array_flag */
    uint16_t rule; /* index in region rules */
    uint32_t stack;
    uint32_t thread;        /* kernel thread id that allocated it */
    uint64_t address;
    uint64_t bytes;         /* as asked for */
    uint64_t born_ns;
    uint64_t table_id;      /* unique in this trace; 0: not known */
    uint64_t table;         /* address of the table; 0: not known */
    uint64_t holder;        /* address of the pointer to this array; 0: not known */
    uint64_t table_resizes; /* resizes of this table so far, this array's lineage */
    uint64_t table_peak_bytes; /* most bytes one array of this lineage had */
    uint64_t replaced_bytes;   /* of all arrays of this lineage that were replaced; 0: not known */
    uint64_t entries;          /* in the table when it was last looked at; see TRACE_ARRAY_COUNTED */
    uint32_t type;             /* index in region types + 1; 0: not known */
    uint32_t reserved;
};

enum trace_resize_flag {
    TRACE_RESIZE_END_SEEN = 1u << 0, /* resize_end_ns was observed */
    TRACE_RESIZE_RELEASED = 1u << 1, /* the old array is gone: released_ns */
    TRACE_RESIZE_RETIRED = 1u << 2,  /* released beneath the rule's retire function */
    TRACE_RESIZE_INHERITED = 1u << 3, /* open when this process was forked: the parent's to judge */
    TRACE_RESIZE_UNREADABLE = 1u << 4, /* the table could no longer be read: progress unknown since sampled_ns */
    /* 1u << 5 was never used. */
    TRACE_RESIZE_COLLECTED = 1u << 6,  /* old array and table were garbage, and are gone */
    TRACE_RESIZE_SAME_SIZE = 1u << 7,  /* as many buckets again, to get rid of overflow buckets */
    TRACE_RESIZE_UNVERIFIED = 1u << 8, /* the table may be garbage that was not collected yet */
    TRACE_RESIZE_CLEARED = 1u << 9,    /* released because the table was emptied */
    TRACE_RESIZE_UNSEEN = 1u << 10,    /* nobody could look at the table at the end, nor shortly before */
};

/* A resize: in region resizes while the old array is alive, then in a ring. */
struct trace_resize {
    uint32_t sequence; /* regions with holes: as in trace_array */
    uint8_t state;     /* enum trace_slot_state */
    uint8_t confidence; /* enum trace_confidence */
    uint16_t rule;
    uint64_t number;   /* rings: 1 + the claim number, written last; 0: not finished */
    uint32_t flags;    /* enum trace_resize_flag */
    uint32_t stack;    /* of the allocation that replaced the old array */
    uint32_t thread;
    uint32_t alternatives; /* how many other arrays fitted as well */
    uint64_t table_id, table, holder;
    uint64_t old_address, old_bytes, old_born_ns;
    uint64_t new_address, new_bytes;
    uint64_t replaced_ns;   /* the new array was allocated */
    uint64_t resize_end_ns; /* 0: not (yet) known; see TRACE_RESIZE_END_SEEN */
    uint64_t released_ns;   /* 0: old array alive */
    /* Progress, where the rule says how; TRACE_UNKNOWN where it does not. */
    uint64_t moved, of;
    uint64_t progress_ns;      /* when `moved` was last seen to change (replaced_ns at first) */
    uint64_t sampled_ns;       /* when the table was last read */
    uint64_t longest_stall_ns; /* longest time without progress so far, open stall included up to sampled_ns */
    uint64_t stall_start_ns;   /* where the longest stall began */
    uint64_t table_resizes;
    uint64_t replaced_bytes; /* as in trace_array, the old array included; 0: not known */
    uint64_t entries;        /* in the table when the resize began; where type is known */
    uint64_t routine;        /* goroutine: address of its g; 0: none */
    uint32_t type;           /* index in region types + 1; 0: not known */
    uint32_t overflow;       /* overflow buckets when the resize began */
};

#endif
