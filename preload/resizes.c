#include "resizes.h"

#include <stddef.h>
#include <string.h>

#include "activation.h"
#include "grows.h"
#include "lock.h"
#include "modules.h"
#include "open_resizes.h"
#include "progress.h"
#include "raw.h"
#include "recorder.h"
#include "sampler.h"
#include "sandbox.h"
#include "stacks.h"
#include "start.h"
#include "suppose.h"

int resizes_start(uint32_t room)
{
    activation_start();
    return open_resizes_start(room);
}

uint32_t resizes_incremental(void)
{
    return open_resizes_incremental();
}

static uint32_t thread_id(void)
{
    if (!thread_self.id && sandbox_may_call())
        thread_self.id = (uint32_t)raw_gettid();
    return thread_self.id;
}

/*
 * Enters the tracer for an event; false if it must not be recorded: this is a
 * handler that interrupted the tracer, or tracing is off (also in a child that
 * could not have a trace of its own).
 */
static bool enter(void)
{
    if (!lock_is_ours() && !start_after_fork())
        return false;
    return lock_take();
}

/* Enters for an event that makes an array, at *NOW; false, and counted, if it will be missed. */
static bool enter_for_new(struct thread *thread, const struct call_site *site, uint64_t *now)
{
    if (!enter()) {
        start_missed();
        return false;
    }
    *now = recorder_now();
    start_seen();
    grows_look(thread, site, *now);
    return true;
}

static void leave(void)
{
    bool wanted = open_resizes_incremental() && !sampler_runs();

    lock_release();
    if (wanted)
        sampler_wake();
}

static void publish_unsettled(uint32_t resize)
{
    if (open_resizes_at(resize)->unsettled)
        open_resizes_publish(resize);
}

/* The old array of RESIZE is gone. */
static void release_old(uint32_t resize, uint64_t now)
{
    open_resizes_release(resize, now, false);
    publish_unsettled(resize);
}

/* Files a new array. 0 without room, which is counted. */
static array_index add_array(const struct rule *rule, uintptr_t address, uint64_t bytes,
                             uint32_t stack, uint64_t role, uint64_t now, uint32_t flags)
{
    array_index stale = arrays_exact(address);

    /* Its release was not seen: by a handler, or before we were asked. */
    if (stale) {
        struct array *array = arrays_at(stale);

        if (array->resize)
            release_old(array->resize, now);
        totals_array_removed(array->record.bytes);
        arrays_remove(stale);
    }
    array_index index = arrays_add(address, bytes);
    if (!index) {
        recorder_header()->lost_arrays++;
        return 0;
    }
    struct array *array = arrays_at(index);
    array->role = role;
    array->record.rule = (uint16_t)rule->index;
    array->record.stack = stack;
    array->record.thread = thread_id();
    array->record.born_ns = now;
    array->record.flags = (uint8_t)flags;
    array->record.table_peak_bytes = bytes;
    totals_array_added(rule, bytes);
    recorder_header()->last_ns = now;
    return index;
}

/* FOUND as the birth of an array in a grow, which is *IN; NULL without room. */
static struct birth *add_birth(struct thread *thread, const struct recognised *found,
                               const struct call_site *site, uintptr_t address, uint64_t bytes,
                               uint32_t flags, uint64_t now, struct activation **in)
{
    static struct evidence_stack stack;
    static struct evidence evidence;

    uint32_t stack_id = stacks_of(site);
    evidence_collect(site, found, address, bytes, &stack, &evidence);
    struct activation *activation = grows_enter(thread, found->rule, &stack, now);
    array_index index = add_array(found->rule, address, bytes, stack_id, stack.role, now, flags);
    if (!activation || !index)
        return NULL;
    struct birth *birth = &activation->births[activation->birth_count++];
    /* Field by field: a birth is too large to pass through a small stack, or to clear each time. */
    memset(birth, 0, offsetof(struct birth, evidence));
    birth->array = index;
    birth->serial = arrays_at(index)->serial;
    birth->role = stack.role;
    birth->bytes = bytes;
    birth->address = address;
    birth->born_ns = now;
    birth->grow_pc = stack.grow_pc;
    birth->stack = stack_id;
    evidence_copy(&birth->evidence, &evidence);
    activation->last_ns = now;
    *in = activation;
    return birth;
}

void resizes_allocated(uintptr_t address, uint64_t bytes, const struct recognised *found,
                       const struct call_site *site, uint32_t flags)
{
    struct thread *thread = &thread_self;
    struct activation *activation;
    uint64_t now;

    if (!enter_for_new(thread, site, &now))
        return;
    struct birth *birth = add_birth(thread, found, site, address, bytes, flags, now, &activation);
    if (birth) {
        suppose_old(activation, birth);
        arrays_publish(birth->array);
    }
    leave();
}

/* The array that an announcement says is replaced; filed now if it was not known. 0: none. */
static array_index announced_old(const struct announcement *announced, const struct rule *rule,
                                 uint64_t now)
{
    array_index old = announced->old_address ? arrays_exact(announced->old_address) : 0;

    if (old || !announced->old_address)
        return old;
    old = arrays_add(announced->old_address, announced->old_bytes);
    if (old) {
        struct array *adopted = arrays_at(old);

        adopted->role = 1;
        adopted->record.rule = announced->rule;
        adopted->record.flags = TRACE_ARRAY_ADOPTED;
        adopted->record.born_ns = now;
        adopted->record.table_peak_bytes = announced->old_bytes;
        totals_array_added(rule, announced->old_bytes);
    }
    return old;
}

/* NEW replaces OLD; what is left to see is the end of the grow. False without room. */
static bool replace_announced(struct thread *thread, const struct announcement *announced,
                              array_index old, array_index new, uint64_t now)
{
    struct activation *activation = activation_new();

    if (!activation)
        return false;
    struct birth *birth = &activation->births[0];
    memset(birth, 0, offsetof(struct birth, evidence.items));
    birth->array = new;
    birth->serial = arrays_at(new)->serial;
    birth->bytes = announced->bytes;
    birth->address = arrays_at(new)->record.address;
    birth->announced = true;
    activation->rule = start_rule(announced->rule);
    birth->resize = open_resizes_open(activation->rule, old, new, now);
    if (!birth->resize) {
        activation_drop(activation);
        return false;
    }
    struct open_resize *resize = open_resizes_at(birth->resize);
    resize->owner = birth;
    resize->record.holder = resize->record.table = announced->table;
    resize->record.confidence = TRACE_EXACT;
    open_resizes_publish(birth->resize);
    activation->birth_count = 1;
    activation->cfa = announced->stack;
    activation->last_ns = now;
    activation->next = thread->open;
    thread->open = activation;
    return true;
}

void resizes_announced(uintptr_t address, const struct announcement *announced,
                       const struct call_site *site)
{
    struct thread *thread = &thread_self;
    const struct rule *rule = start_rule(announced->rule);
    uint64_t now;

    if (!enter_for_new(thread, site, &now))
        return;
    array_index index = add_array(rule, address, announced->bytes, stacks_of(site), 1, now, 0);
    if (index) {
        array_index old = announced_old(announced, rule, now);
        struct trace_array *new = &arrays_at(index)->record;

        if (!old || arrays_at(old)->resize ||
            !replace_announced(thread, announced, old, index, now))
            new->table_id = totals_new_table();
        new->holder = new->table = announced->table;
        arrays_publish(index);
    }
    leave();
}

static void array_released(struct thread *thread, array_index index, const struct call_site *site,
                           uint64_t now)
{
    struct array *array = arrays_at(index);
    const struct activation *grow = grows_replacing(thread, array);
    bool ends = grows_ended_by_release(grow, now), inside = ends && grow->watched && grow->whole;

    if (!ends)
        grows_look(thread, site, now);
    /* Its grow function will be seen to return: that is early enough. */
    if (array->resize && !inside)
        suppose_doubt(index);
    uint32_t resize = array->resize;
    if (resize) {
        const struct rule *rule = start_rule(array->record.rule);

        if (rule->kind == RULE_INCREMENTAL)
            progress_sample(open_resizes_at(resize), now);
        open_resizes_release(resize, now, recognise_role(site, rule, ROLE_RETIRE));
    }
    grows_freed(thread, array, now);
    totals_array_removed(array->record.bytes);
    arrays_remove(index);
    recorder_header()->last_ns = now;
    if (ends && !inside)
        grows_look(thread, site, now);
    if (resize)
        publish_unsettled(resize);
}

void resizes_released(struct thread *thread, uintptr_t address, uint64_t bytes,
                      const struct call_site *site)
{
    if (!enter()) {
        if (arrays_maybe((void *)address))
            start_missed_release();
        return;
    }
    array_index index = arrays_exact(address);
    if (index)
        array_released(thread, index, site, recorder_now());
    else if (thread->open)
        grows_released(thread, site, address, bytes, recorder_now());
    leave();
}

void resizes_move_begin(uintptr_t address, struct resizes_moving *moving)
{
    moving->valid = false;
    if (!enter())
        return;
    array_index index = arrays_exact(address);
    if (index) {
        struct array *array = arrays_at(index);

        if (array->resize)
            suppose_doubt(index);
        moving->array = *array;
        moving->valid = true;
        if (array->resize) {
            release_old(array->resize, recorder_now());
            moving->array.resize = 0;
            moving->array.record.flags &= (uint8_t)~TRACE_ARRAY_OLD;
        }
        totals_array_removed(array->record.bytes);
        arrays_remove(index);
    }
    leave();
}

void resizes_move_end(struct resizes_moving *moving, uintptr_t to, uint64_t bytes,
                      const struct recognised *found, const struct call_site *site)
{
    struct thread *thread = &thread_self;
    const struct trace_array *old = &moving->array.record;
    struct activation *activation = NULL;
    struct birth *birth = NULL;
    array_index index;

    if (!enter()) {
        start_missed_release();
        return;
    }
    uint64_t now = recorder_now();
    grows_look(thread, site, now);
    struct rule *rule = start_rule(old->rule);
    bool same_rule = found && found->rule == rule;
    if (same_rule && to) {
        birth = add_birth(thread, found, site, to, bytes, old->flags & TRACE_ARRAY_MAPPED, now,
                          &activation);
        index = birth ? birth->array : 0;
        if (birth)
            birth->replaced = true;
    } else {
        index = add_array(rule, to ? to : old->address, to ? bytes : old->bytes, old->stack,
                          moving->array.role, now, old->flags & TRACE_ARRAY_MAPPED);
    }
    if (index) {
        struct array *new = arrays_at(index);

        new->role = moving->array.role;
        if (to) {
            open_resizes_instant(rule, old, index, now);
        } else {
            uint64_t serial = new->serial;

            *new = (struct array){.record = *old,
                                  .role = moving->array.role,
                                  .serial = serial,
                                  .next_exact = new->next_exact,
                                  .next_span = {new->next_span[0], new->next_span[1]},
                                  .span_class = new->span_class};
        }
        /* It is the same array, grown: no new one. */
        totals_array_retracted((uint16_t)rule->index);
        arrays_publish(index);
    }
    leave();
}

void resizes_grown(uintptr_t from, uintptr_t to, uint64_t bytes, const struct recognised *found,
                   const struct call_site *site)
{
    struct thread *thread = &thread_self;
    struct activation *activation;
    uint64_t now;

    if (!enter_for_new(thread, site, &now))
        return;
    struct birth *birth = add_birth(thread, found, site, to, bytes, 0, now, &activation);
    if (birth) {
        struct trace_array unknown = {
            .address = from, .born_ns = now, .rule = (uint16_t)found->rule->index};

        birth->replaced = true;
        open_resizes_instant(found->rule, &unknown, birth->array, now);
        arrays_publish(birth->array);
    }
    leave();
}

void resizes_event(struct thread *thread, const struct call_site *site)
{
    if (!enter())
        return;
    if (thread->open)
        grows_look(thread, site, recorder_now());
    leave();
}

void resizes_returned(struct thread *thread, const struct call_site *site)
{
    if (!enter())
        return;
    uint64_t now = recorder_now();
    grows_returned(thread, site, now);
    leave();
}

void resizes_finish(void)
{
    struct thread *thread = &thread_self;

    if (!enter())
        return;
    uint64_t now = recorder_now();
    grows_finish(thread, now);
    progress_sample_all(now);
    recorder_end();
    leave();
}

void resizes_inherit(void)
{
    thread_self.open = NULL;
    stacks_forget();
    open_resizes_inherit();
    for (array_index index = 1; index < arrays_end(); index++)
        if (arrays_at(index)->record.state == TRACE_SLOT_USED) {
            arrays_at(index)->record.flags |= TRACE_ARRAY_INHERITED;
            totals_array_inherited(arrays_at(index)->record.bytes);
        }
}

void resizes_publish_all(void)
{
    for (uint32_t index = 1; index < open_resizes_end(); index++)
        if (open_resizes_at(index)->record.state == TRACE_SLOT_USED)
            open_resizes_publish(index);
    for (array_index index = 1; index < arrays_end(); index++)
        if (arrays_at(index)->record.state == TRACE_SLOT_USED)
            arrays_publish(index);
}
