/*
 * A rule: the description of one kind of container. This header is the model;
 * parse.c reads rule text into it, match.c holds names against it.
 *
 * Nothing here calls malloc: the guest parses rules inside another process.
 * Memory comes from the caller's arena and lives as long as that does.
 */
#ifndef MAPTRACE_RULES_RULE_H
#define MAPTRACE_RULES_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rule_kind { RULE_IMMEDIATE, RULE_INCREMENTAL, RULE_REALLOC };

/* What a function that a rule names means to it. */
enum rule_role {
    ROLE_GROW,    /* grow: allocates arrays */
    ROLE_RETIRE,  /* retire: lets the old array go when the resize has ended */
    ROLE_BENEATH, /* beneath: exported caller; a nameless function it calls is a grow function */
    ROLE_THROUGH, /* through: allocation wrapper that may stand between a nameless grow function and
                     the allocator */
    ROLE_EXCEPT,  /* except: an allocation beneath this one is no array */
    ROLE_SIGN,    /* sign: shows that the container is in the program */
    ROLE_CALLEE,  /* callee: exported; the nameless function it calls directly is a grow function,
                     whoever else calls it */
    ROLE_COUNT
};

/* True if an allocation beneath such a function can be an array. */
static inline bool rules_makes_arrays(enum rule_role role)
{
    return role == ROLE_GROW || role == ROLE_BENEATH || role == ROLE_CALLEE;
}

/* Allocation entry points, for the key `call`. */
enum rule_call {
    CALL_MALLOC = 1u << 0,
    CALL_CALLOC = 1u << 1,
    CALL_REALLOC = 1u << 2, /* with a non-null pointer; realloc(NULL, n) is a malloc */
    CALL_ALIGNED = 1u << 3, /* posix_memalign, aligned_alloc, memalign, valloc, pvalloc */
    CALL_NEW = 1u << 4,     /* operator new, new[] */
    CALL_MMAP = 1u << 5,
    CALL_ANY = (1u << 5) - 1, /* not mmap: an allocator beneath a grow function maps, too */
};

/* A hook function that every resize passes through; see `hook`. */
enum rule_hook { HOOK_NONE, HOOK_LIBSTDCXX_PRIME, HOOK_LIBCXX_PRIME };

/* `table+OFFSET[:SIZE]`, `1<<` before it raises two to what stands there. */
struct rule_place {
    bool known;
    bool power_of_two;
    uint8_t size; /* 1, 2, 4 or 8 */
    int32_t offset;
};

/* Sizes that arrays can have: `BASE+STEP*n`, or `BASE+STEP*2^n`. */
struct rule_sizes {
    uint64_t base, step; /* step 0: any size */
    bool powers;
};

struct rule_glob {
    const char *text;
    const struct anchor *anchors; /* what any match must contain: glob.h; at least one */
    enum rule_role role;
    struct rule_glob *next; /* in the order of the file */
};

/* A file that holds a container, by a glob over its base name. */
struct rule_module {
    const char *text;
    bool only; /* key `module`: the rule looks at such files alone; `program`: it looks at all */
    struct rule_module *next;
};

struct rule {
    const char *name;
    const char *about;
    enum rule_kind kind;
    enum rule_hook hook;
    struct rule_glob *globs;     /* of all roles */
    struct rule_module *modules; /* keys `module` and `program`: files that hold it */
    bool wrapped;                /* key `via`: a nameless function must allocate by a wrapper */
    unsigned calls;              /* enum rule_call; CALL_ANY unless told */
    uint64_t min_bytes;          /* key `min`: smaller blocks are no arrays; 0 unless told */
    struct rule_sizes sizes;     /* key `size`: blocks of other sizes are no arrays */
    struct rule_place old, new, moved, of;
    const char *needs; /* key `needs`: NAME=VALUE that must stand in the environment, else blind */
    const char *heap; /* key `heap`: reason given when blind, for want of `needs` if that is told */
    const char *hint; /* key `hint`: what would help when blind */
    bool doubt;       /* key `doubt`: while it is there and cannot be seen, no verdict is clean */
    const char *tested; /* key `tested` */
    bool user;          /* from a file of the user's */
    bool broken;        /* had an error: sees nothing; the reason stands in `error` */
    const char *error;  /* "FILE:LINE: ..." */
    const char *file;   /* where it came from */
    unsigned line;
    unsigned index; /* in its set */
    struct rule *next;
};

struct rule_set {
    struct rule *first, *last;
    unsigned count;
};

/* A bump allocator over memory that its owner provides: returns zeroed, 16-byte aligned memory, or
 * NULL. */
struct rule_arena {
    void *(*take)(struct rule_arena *arena, size_t bytes);
};

/*
 * Receives one problem in a rule file, as one line of text without newline
 * that begins with FILE:LINE. The text is only valid during the call.
 */
typedef void rule_complain(void *context, const char *text);

/*
 * Parses TEXT (BYTES long, need not be terminated) into SET. A rule whose name
 * is in SET already replaces it in place (same index). Errors are complained
 * about, mark the rule broken and never stop the parse. Returns the number of
 * errors, or -ENOMEM.
 */
int rules_parse(struct rule_set *set, const char *text, size_t bytes, const char *file, bool user,
                struct rule_arena *arena, rule_complain *complain, void *context);

/* The catalogue that was compiled in: one text. */
extern const char rules_catalogue[];
extern const size_t rules_catalogue_bytes;

/*
 * FNV-1a of TEXT, going on from SEED. The key of an index cache is the hash of
 * the catalogue and then of every rule file in order. The seed changes with the
 * way names are matched, so that an index from before is not used.
 */
#define RULES_HASH_SEED 0xcbf29ce484222325ull
uint64_t rules_hash(uint64_t seed, const char *text, size_t bytes);

/*
 * True if GLOB (`*` any run, `?` one character, everything else itself) matches
 * NAME whole. No allocation, linear in practice, bounded by |glob| * |name|.
 */
bool rules_glob(const char *glob, const char *name);

/*
 * What rules_match and rules_demangle may take of the stack for a name that was
 * made to hurt. Real names take 20 to 60 KiB: call them on a stack of your own.
 */
#define RULES_STACK_BYTES (1024u * 1024u)

/* True if RULE looks at the file PATH: its key `module` names it, or there is none. */
bool rules_in_module(const struct rule *rule, const char *path);

/* True if its key `module` or `program` names the file PATH: the container is in there. */
bool rules_names_module(const struct rule *rule, const char *path);

/*
 * Calls FOUND once for every glob of SET that matches the symbol NAME. Held
 * against the globs are, in this order: the name as it is; without version and
 * clone suffixes (.cold, .part.0, [clone .isra.0]); and demangled (C++, Rust):
 * whole, without return type, without parameters too, and with the clone
 * suffixes written as [clone .x]. Rust names are tried without and with hashes,
 * and without trailing generic arguments. Broken rules match nothing.
 *
 * Names that do not hold every identifier of a glob are rejected without
 * demangling. Left mangled are C++ and Rust names above 2 KiB, and Rust names
 * with identifiers beyond ASCII. Calls no allocator; thread-safe.
 */
struct rule_matcher;
typedef void rule_found(void *context, struct rule *rule, const struct rule_glob *glob);
/* NULL: no memory, or more than 65536 globs. */
struct rule_matcher *rules_matcher(const struct rule_set *set, struct rule_arena *arena);
unsigned rules_match(const struct rule_matcher *matcher, const char *name, rule_found *found,
                     void *context);

/* False if no glob can match NAME: the quick part of rules_match alone. Needs no big stack. */
bool rules_could_match(const struct rule_matcher *matcher, const char *name);

/*
 * Writes NAME, demangled if it is a mangled C++ or Rust name (Rust hash
 * suffixes dropped), into BUFFER, cut to BYTES. Returns false if it was not
 * mangled (BUFFER then holds NAME).
 */
bool rules_demangle(const char *name, char *buffer, size_t bytes);

#endif
