#include "watch.h"

#include "plain.h"

/* Announcements hold for the very next allocation, beneath the caller of the hook. */
static bool announced(struct thread *thread, void *memory, size_t bytes,
                      const struct call_site *site)
{
    struct announcement announcement = thread->announced;
    struct recognised found;

    thread->announced.bytes = 0;
    if (announcement.bytes != bytes || site->sp > announcement.stack)
        return false;
    if (announcement.table) {
        resizes_announced((uintptr_t)memory, &announcement, site);
        return true;
    }
    /* The hook does not know the table: the function that called it is the grow function. */
    found.rule = start_rule(announcement.rule);
    if (!recognise_frame(site, announcement.stack, &found.grow))
        return false;
    found.outer = found.grow;
    found.hooked = true;
    resizes_allocated((uintptr_t)memory, bytes, &found, site, 0);
    return true;
}

void watch_allocated(void *memory, size_t bytes, enum rule_call call, const struct call_site *site)
{
    struct thread *thread = &thread_self;
    struct recognised found;

    if (!memory || !start_is_on() ||
        (!thread->open && !thread->announced.bytes && plain_call(site, bytes, call)))
        return;
    int kept = errno;
    thread->nested++;
    if (thread->announced.bytes && thread->announced.table &&
        announced(thread, memory, bytes, site))
        ;
    else if (recognise(site, bytes, call, &found))
        resizes_allocated((uintptr_t)memory, bytes, &found, site,
                          call == CALL_MMAP ? TRACE_ARRAY_MAPPED : 0);
    else if (thread->announced.bytes && announced(thread, memory, bytes, site))
        ;
    else if (thread->open)
        resizes_event(thread, site);
    thread->announced.bytes = 0;
    thread->nested--;
    errno = kept;
}

void watch_released(void *memory, uint64_t bytes, const struct call_site *site)
{
    struct thread *thread = &thread_self;

    if (!start_is_on())
        return;
    int kept = errno;
    thread->nested++;
    resizes_released(thread, (uintptr_t)memory, bytes, site);
    thread->nested--;
    errno = kept;
}

void watch_move_begin(struct watch_move *move, void *memory, const struct call_site *site)
{
    move->moving.valid = false;
    if (!start_is_on() || !(thread_self.open || (memory && arrays_maybe(memory))))
        return;
    int kept = errno;
    thread_self.nested++;
    /* Before the call: a table that moves is still where the evidence says. */
    if (thread_self.open)
        resizes_event(&thread_self, site);
    if (memory && arrays_maybe(memory))
        resizes_move_begin((uintptr_t)memory, &move->moving);
    thread_self.nested--;
    errno = kept;
}

void watch_move_end(struct watch_move *move, void *from, void *to, size_t bytes,
                    enum rule_call call, const struct call_site *site)
{
    struct thread *thread = &thread_self;
    struct recognised found;

    if (!start_is_on() || (!move->moving.valid && !thread->open && plain_call(site, bytes, call)))
        return;
    int kept = errno;
    thread->nested++;
    bool is_array = to && recognise(site, bytes, call, &found);
    if (move->moving.valid)
        resizes_move_end(&move->moving, (uintptr_t)to, bytes, is_array ? &found : NULL, site);
    else if (is_array && from)
        resizes_grown((uintptr_t)from, (uintptr_t)to, bytes, &found, site);
    else if (is_array)
        resizes_allocated((uintptr_t)to, bytes, &found, site,
                          call == CALL_MMAP ? TRACE_ARRAY_MAPPED : 0);
    else if (thread->open)
        resizes_event(thread, site);
    thread->nested--;
    errno = kept;
}
