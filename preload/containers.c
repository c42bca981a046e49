/*
 * Functions of container libraries that every resize passes through, and that
 * are never inlined: they tell the coming allocation even in stripped programs.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "containers.h"
#include "next.h"
#include "watch.h"

static int rules_of[3] = {-1, -1, -1}; /* by enum rule_hook */

void containers_start(const struct rule_set *rules)
{
    for (const struct rule *rule = rules->first; rule; rule = rule->next)
        if (rule->hook != HOOK_NONE && !rule->broken)
            rules_of[rule->hook] = (int)rule->index;
}

static void announce(enum rule_hook hook, uint64_t bytes, uintptr_t table, uintptr_t old_address,
                     uint64_t old_bytes, uintptr_t stack)
{
    if (rules_of[hook] < 0 || !start_is_on())
        return;
    thread_self.announced = (struct announcement){
        .bytes = bytes,
        .table = table,
        .old_address = old_address,
        .old_bytes = old_bytes,
        .stack = stack,
        .rule = (uint16_t)rules_of[hook],
    };
}

/*
 * libstdc++'s _Hashtable, from its rehash policy on downwards:
 *   -32 _M_buckets, -24 _M_bucket_count, -16 _M_before_begin, -8 _M_element_count,
 *   0 _M_rehash_policy (16 bytes), +16 _M_single_bucket.
 * The same since GCC 4.9 (CXX11 ABI or not).
 */
struct hashtable_before_policy {
    uintptr_t buckets;
    uint64_t bucket_count;
    uintptr_t before_begin;
    uint64_t element_count;
};

struct rehash_policy {
    float max_load_factor;
    size_t next_resize; /* with fewer elements nothing grows */
};

static void announce_libstdcxx(const void *policy, uint64_t buckets, uintptr_t stack)
{
    const struct hashtable_before_policy *table =
        (const struct hashtable_before_policy *)policy - 1;
    uintptr_t single = (uintptr_t)policy + 16;
    bool has_old = table->buckets != single && table->buckets;

    announce(HOOK_LIBSTDCXX_PRIME, buckets * 8, (uintptr_t)table, has_old ? table->buckets : 0,
             has_old ? table->bucket_count * 8 : 0, stack);
}

struct need_rehash {
    bool yes;
    size_t buckets;
};

typedef struct need_rehash need_rehash_function(const void *, size_t, size_t, size_t);
typedef size_t next_bucket_function(void *, size_t);
typedef size_t next_prime_function(size_t);

#define NEED_REHASH _ZNKSt8__detail20_Prime_rehash_policy14_M_need_rehashEmmm
#define NEXT_BUCKET _ZNKSt8__detail20_Prime_rehash_policy11_M_next_bktEm
#define NEXT_PRIME _ZNSt3__112__next_primeEm
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

static __attribute__((noinline)) struct need_rehash
watched_need_rehash(void **known, const void *policy, size_t buckets, size_t elements,
                    size_t inserting, const struct call_site *site)
{
    need_rehash_function *forward =
        (need_rehash_function *)next_symbol(known, TEXT(NEED_REHASH), (const void *)site->pc);
    bool nested = watch_nested();

    thread_self.nested++;
    struct need_rehash answer = forward(policy, buckets, elements, inserting);
    thread_self.nested--;
    if (answer.yes && answer.buckets != 1 && !nested)
        announce_libstdcxx(policy, answer.buckets, site->sp);
    return answer;
}

MAPTRACE_EXPORT struct need_rehash NEED_REHASH(const void *policy, size_t buckets, size_t elements,
                                               size_t inserting);
MAPTRACE_EXPORT struct need_rehash NEED_REHASH(const void *policy, size_t buckets, size_t elements,
                                               size_t inserting) {
    static void *known;
    need_rehash_function *forward =
        (need_rehash_function *)__atomic_load_n(&known, __ATOMIC_RELAXED);

    /* Asked at every insertion; the answer is nearly always no. */
    if (forward && elements + inserting < ((const struct rehash_policy *)policy)->next_resize)
        return forward(policy, buckets, elements, inserting);
    return watched_need_rehash(&known, policy, buckets, elements, inserting, &CALL_SITE_HERE);
}

/* For rehash(), reserve() and constructors with a bucket count. */
MAPTRACE_EXPORT size_t
NEXT_BUCKET(void *policy, size_t buckets);
MAPTRACE_EXPORT size_t NEXT_BUCKET(void *policy, size_t buckets)
{
    static void *known;
    next_bucket_function *forward =
        (next_bucket_function *)next_symbol(&known, TEXT(NEXT_BUCKET), __builtin_return_address(0));
    bool nested = watch_nested();

    thread_self.nested++;
    size_t answer = forward(policy, buckets);
    thread_self.nested--;
    const struct hashtable_before_policy *table =
        (const struct hashtable_before_policy *)policy - 1;
    /* The same number: no rehash follows. One bucket: it stands in the table itself. */
    if (!nested && answer != table->bucket_count && answer != 1)
        announce_libstdcxx(policy, answer, FRAME_CALLER_SP);
    return answer;
}

/* libc++ asks for a prime before each growth; which table it is for the stack must tell. */
MAPTRACE_EXPORT size_t NEXT_PRIME(size_t least);
MAPTRACE_EXPORT size_t NEXT_PRIME(size_t least)
{
    static void *known;
    next_prime_function *forward =
        (next_prime_function *)next_symbol(&known, TEXT(NEXT_PRIME), __builtin_return_address(0));
    bool nested = watch_nested();

    thread_self.nested++;
    size_t answer = forward(least);
    thread_self.nested--;
    if (!nested)
        announce(HOOK_LIBCXX_PRIME, answer * 8, 0, 0, 0, FRAME_CALLER_SP);
    return answer;
}
