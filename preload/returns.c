#include "returns.h"

#include <cpuid.h>
#include <errno.h>
#include <string.h>

#include "recognise.h"
#include "resizes.h"
#include "start.h"
#include "thread.h"

struct returns_target returns_targets[RETURNS_MOST];

/* Whether vector registers are kept by XSAVEC; else by FXSAVE. */
bool returns_with_xsavec;

static bool off;

void returns_seen(uintptr_t thunk_pc, uintptr_t sp, uintptr_t rbp);

void returns_start(bool wanted_off)
{
    off = wanted_off;
}

/* Not at the start: asking the processor takes long in a virtual machine. */
static void choose_how_to_keep(void)
{
    static bool chosen;
    unsigned a, b, c = 0, d;

    if (chosen)
        return;
    chosen = true;
    /* OSXSAVE, then leaf 13: XSAVEC. */
    returns_with_xsavec = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_OSXSAVE) &&
                          __get_cpuid_count(13, 1, &a, &b, &c, &d) && (a & bit_XSAVEC);
}

static bool has_shadow_stack(void)
{
    uintptr_t pointer = 0;

    /* rdsspq %rax: does nothing where there are no shadow stacks. */
    __asm__ volatile(".byte 0xf3, 0x48, 0x0f, 0x1e, 0xc8" : "+a"(pointer));
    return pointer != 0;
}

/* The thunk of ADDRESS, or a free one; NULL if all are taken. */
static struct returns_target *target_of(uintptr_t address)
{
    unsigned first = (unsigned)(address * 0x9e3779b97f4a7c15u >> 32) % RETURNS_MOST;

    for (unsigned i = 0; i < RETURNS_MOST; i++) {
        struct returns_target *target = &returns_targets[(first + i) % RETURNS_MOST];

        if (target->address == address || !target->address)
            return target;
    }
    return NULL;
}

bool returns_watch(uintptr_t cfa, uintptr_t address)
{
    uintptr_t *place = (uintptr_t *)(cfa - 8);

    if (off || !address || cfa % 8 || returns_original(*place) != address)
        return false;
    struct returns_target *target = target_of(address);
    if (!target || target->lasting || has_shadow_stack())
        return false;
    choose_how_to_keep();
    if (!target->address)
        __atomic_store_n(&target->address, address, __ATOMIC_RELEASE);
    *place = (uintptr_t)returns_thunks + RETURNS_STRIDE * (uintptr_t)(target - returns_targets);
    return true;
}

void returns_forgo(uintptr_t address)
{
    struct returns_target *target = target_of(address);

    if (target && target->address)
        target->lasting = true;
}

/*
 * What resizes_returned() left on the stack, addresses of arrays among it,
 * would be taken for what the next grow function keeps in its frame. It used
 * more than this.
 */
static void __attribute__((noinline)) wipe_stack(void)
{
    char leftovers[1024];

    memset(leftovers, 0, sizeof leftovers);
    __asm__ volatile("" ::"r"(leftovers) : "memory");
}

/* From a thunk. SP and RBP are the caller's again. */
__attribute__((used)) void returns_seen(uintptr_t thunk_pc, uintptr_t sp, uintptr_t rbp)
{
    struct thread *thread = &thread_self;
    struct call_site site = {returns_original(thunk_pc), sp, rbp};

    if (!start_is_on() || !thread->open || thread->nested)
        return;
    int kept = errno;
    thread->nested++;
    resizes_returned(thread, &site);
    wipe_stack();
    thread->nested--;
    errno = kept;
}
