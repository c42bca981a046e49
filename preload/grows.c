#include "grows.h"

#include "open_resizes.h"
#include "returns.h"
#include "settle.h"
#include "suppose.h"

/* Events after the end of a grow at which an unsettled birth is looked at again. */
#define LOOKS_MOST 24
/* A thread that does nothing else for so long between two steps of a grow has been interrupted. */
#define SAME_GROW_NS 250000000u
/* Grows that one thread may have under way; the oldest is decided when there are more. */
#define ACTIVATIONS_MOST 8

/* Where a hook tells of the grow, it is the container that lets the old array go before it ends. */
static bool frees_itself(const struct activation *activation)
{
    return activation->rule->hook != HOOK_NONE;
}

static void drop_activation(struct thread *thread, struct activation *activation)
{
    for (struct activation **link = &thread->open; *link; link = &(*link)->next)
        if (*link == activation) {
            *link = activation->next;
            activation_drop(activation);
            return;
        }
}

static void look(struct thread *thread, struct activation *activation, uint64_t now, bool last)
{
    activation->over = true;
    if (settle_activation(activation, now, last || activation->looks >= LOOKS_MOST))
        drop_activation(thread, activation);
}

void grows_look(struct thread *thread, const struct call_site *site, uint64_t now)
{
    for (struct activation *activation = thread->open, *next; activation; activation = next) {
        next = activation->next;
        if (activation->over || activation_is_over(activation, site))
            look(thread, activation, now, false);
    }
}

/*
 * An array is born in the frame of ACTIVATION. Is it another one of this grow,
 * or of the next grow from the same place?
 */
static bool is_next_grow(struct activation *activation, const struct evidence_stack *stack)
{
    bool another = activation->function != activation_function(stack->outer_pc);

    if (activation->watched && activation->whole && !another)
        return false;
    if (settle_is_done(activation))
        return true;
    for (unsigned i = 0; i < activation->birth_count; i++)
        if ((another || activation->births[i].role == stack->role) &&
            settle_is_stored(&activation->births[i]))
            return true;
    return false;
}

struct activation *grows_enter(struct thread *thread, struct rule *rule,
                               const struct evidence_stack *stack, uint64_t now)
{
    unsigned count = 0;

    for (struct activation *activation = thread->open, *next; activation; activation = next) {
        next = activation->next;
        count++;
        if (!activation->over && activation->rule == rule && activation->cfa == stack->cfa &&
            activation->return_address == stack->return_address) {
            /* The same frame: another array of this grow, or the next call from the same place? */
            if (!is_next_grow(activation, stack) && activation->birth_count < BIRTHS_MOST)
                return activation;
            if (!activation->whole)
                returns_forgo(activation->frames[activation->frame_at].return_address);
            look(thread, activation, now, false);
        } else if (count >= ACTIVATIONS_MOST) {
            look(thread, activation, now, true);
        }
    }
    struct activation *fresh = activation_new();
    if (!fresh)
        return NULL;
    activation_begin(fresh, rule, stack);
    fresh->next = thread->open;
    thread->open = fresh;
    return fresh;
}

void grows_freed(struct thread *thread, const struct array *array, uint64_t now)
{
    for (struct activation *activation = thread->open; activation; activation = activation->next) {
        bool born_here = false;

        if (activation->over)
            continue;
        activation->last_ns = now;
        for (unsigned i = 0; i < activation->birth_count; i++)
            if (activation->births[i].serial == array->serial &&
                !settle_was_stored(activation, &activation->births[i]))
                born_here = activation->births[i].scratch = true;
        if (!born_here && activation->rule->index == array->record.rule &&
            activation->freed_count < FREED_MOST)
            activation->freed[activation->freed_count++] =
                (struct freed){array->record, array->serial, array->role, now, false};
    }
}

static void keep_loose(struct activation *activation, uintptr_t address, uint64_t bytes,
                       uint64_t now)
{
    unsigned count = activation->loose_count, freed = activation->freed_count;
    struct loose *loose = &activation->loose[(count - 1) % LOOSE_MOST];

    activation->last_ns = now;
    /* An operator delete and the free beneath it are one release. */
    if (freed && activation->freed[freed - 1].record.address == address)
        return;
    if (!count || loose->address != address)
        loose = &activation->loose[activation->loose_count++ % LOOSE_MOST];
    *loose = (struct loose){address, bytes, now};
}

void grows_released(struct thread *thread, const struct call_site *site, uintptr_t address,
                    uint64_t bytes, uint64_t now)
{
    bool kept = false;

    for (struct activation *activation = thread->open; activation; activation = activation->next)
        if (!activation->over && frees_itself(activation)) {
            keep_loose(activation, address, bytes, now);
            kept = true;
        }
    /* The free beneath will tell the size. */
    if (kept && !bytes)
        return;
    grows_look(thread, site, now);
    for (struct activation *activation = thread->open; activation; activation = activation->next)
        if (!activation->over && !frees_itself(activation))
            keep_loose(activation, address, bytes, now);
}

/* Nothing is supposed of ARRAY; but does a place that led to it lead to an array of GROW now? */
static bool replaces(struct activation *grow, const struct array *array)
{
    if (array->resize || grow->over || grow->rule->index != array->record.rule)
        return false;
    for (unsigned i = 0; i < grow->birth_count; i++)
        if (suppose_flipped(&grow->births[i], array->serial))
            return true;
    return false;
}

const struct activation *grows_replacing(const struct thread *thread, const struct array *array)
{
    const struct birth *owner = array->resize ? open_resizes_at(array->resize)->owner : NULL;

    for (struct activation *grow = thread->open; grow; grow = grow->next)
        if ((owner >= grow->births && owner < grow->births + BIRTHS_MOST) || replaces(grow, array))
            return grow;
    return NULL;
}

bool grows_ended_by_release(const struct activation *grow, uint64_t now)
{
    return grow && !grow->over && (frees_itself(grow) || now - grow->last_ns < SAME_GROW_NS);
}

void grows_returned(struct thread *thread, const struct call_site *site, uint64_t now)
{
    for (struct activation *activation = thread->open; activation; activation = activation->next)
        if (activation_has_returned(activation, site)) {
            bool sole = activation->frame_count == 1,
                 stored = !sole && settle_is_all_held(activation);

            if (!sole && !stored && activation_watch_next(activation))
                continue;
            /* The outermost may be one that the grow was inlined into. */
            activation->whole |= stored && activation->frame_at + 1 < activation->frame_count;
            activation->returned_ns = now;
            activation->over = true;
        }
    grows_look(thread, site, now);
}

void grows_finish(struct thread *thread, uint64_t now)
{
    while (thread->open) {
        struct activation *activation = thread->open;

        look(thread, activation, now, true);
        if (thread->open == activation)
            drop_activation(thread, activation);
    }
}
