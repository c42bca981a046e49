#include "activation.h"

#include <string.h>

#include "code.h"
#include "pages.h"
#include "recorder.h"
#include "safe_read.h"

#define FUNCTIONS 64 /* whose beginnings are remembered */

static struct activation *pool;

struct activation *activation_new(void)
{
    struct activation *activation = pool;

    if (activation) {
        pool = activation->next;
        memset(activation, 0, offsetof(struct activation, frames));
    } else {
        size_t bytes = (sizeof *activation + 4095) & ~(size_t)4095;

        activation = pages_map(bytes);
        if (activation)
            pages_are_books(activation, bytes);
        else
            recorder_header()->lost_arrays++; /* its arrays will have no pair */
    }
    return activation;
}

void activation_start(void)
{
    struct activation *first = activation_new(), *second = activation_new();

    if (first)
        activation_drop(first);
    if (second)
        activation_drop(second);
}

void activation_drop(struct activation *activation)
{
    activation->next = pool;
    pool = activation;
}

static bool has_role(const struct code_class *class, const struct rule *rule, enum rule_role role)
{
    for (unsigned i = 0; i < class->count; i++)
        if (class->marks[i].rule == rule && class->marks[i].role == role)
            return true;
    return false;
}

static bool may_grow(const struct code_class *class, const struct rule *rule)
{
    return class->nameless || has_role(class, rule, ROLE_GROW) ||
           has_role(class, rule, ROLE_THROUGH);
}

uintptr_t activation_function(uintptr_t pc)
{
    static struct {
        uintptr_t pc, low;
        uint32_t epoch;
    } known[FUNCTIONS];
    size_t slot = (pc * 0x9e3779b97f4a7c15u >> 32) % FUNCTIONS;

    if (known[slot].pc != pc || known[slot].epoch != code_epoch()) {
        struct frame_function function;

        known[slot].epoch = code_epoch();
        frame_describe(pc - 1, code_unwind_header(pc), &function);
        known[slot].pc = pc;
        known[slot].low = function.low;
    }
    return known[slot].low;
}

static void watch(struct activation *activation)
{
    const struct evidence_frame *frame = &activation->frames[activation->frame_at];

    activation->watched = activation->frame_at < activation->frame_count &&
                          returns_watch(frame->cfa, frame->return_address);
}

void activation_begin(struct activation *fresh, struct rule *rule,
                      const struct evidence_stack *stack)
{
    fresh->rule = rule;
    fresh->cfa = stack->cfa;
    fresh->return_address = stack->return_address;
    fresh->function = activation_function(stack->outer_pc);
    fresh->frame_count = stack->frame_count;
    memcpy(fresh->frames, stack->frames, stack->frame_count * sizeof *stack->frames);
    const struct code_class *entry = code_at(fresh->function + 1, true).class;
    bool named = fresh->function && has_role(entry, rule, ROLE_GROW);
    fresh->whole = named || (entry->nameless && fresh->frame_count == 1);
    /* Functions with a name begin and end the grow; of several nameless ones any may. */
    if (fresh->frame_count && (named || !entry->nameless))
        fresh->frame_at = fresh->frame_count - 1;
    watch(fresh);
}

bool activation_has_returned(const struct activation *activation, const struct call_site *site)
{
    const struct evidence_frame *frame = &activation->frames[activation->frame_at];

    return activation->watched && !activation->returned_ns && frame->cfa == site->sp &&
           frame->return_address == site->pc;
}

bool activation_watch_next(struct activation *activation)
{
    if (activation->frame_at + 1 >= activation->frame_count)
        return false;
    activation->frame_at++;
    watch(activation);
    return activation->watched;
}

/* Not read directly: a coroutine's stack may be unmapped by now. */
static bool is_overwritten(const struct activation *activation)
{
    uintptr_t word;

    return safe_read(activation->cfa - 8, &word, sizeof word) &&
           returns_original(word) != activation->return_address;
}

bool activation_is_over(const struct activation *activation, const struct call_site *site)
{
    struct frame frame = {.pc = site->pc, .sp = site->sp};

    /* A call that returns to the grow's caller was made by the grow function's last jump. */
    if (site->sp == activation->cfa && site->pc == activation->return_address)
        return false;
    /* One that will be seen to return may be left for another stack meanwhile. */
    if (site->sp >= activation->cfa && !activation->watched)
        return true;
    if (!activation->return_address)
        return false; /* only a higher stack tells */
    if (site->sp >= activation->cfa)
        return is_overwritten(activation);
    /* The return address may be a leftover below frames that came later. */
    frame.registers[REGISTER_RBP] = site->rbp;
    for (unsigned depth = 0; depth < 2 * RECOGNISE_DEPTH; depth++) {
        struct code code = code_at(frame.pc, true);
        uintptr_t pc = frame.pc;

        if (!code_leave(&frame, code.step))
            break;
        if (frame.sp == activation->cfa && frame.pc != activation->return_address)
            return true;
        if (frame.sp == activation->cfa)
            /*
             * Another function in its place was jumped to at its end, and is
             * part of the grow; the same one outside the grow function's
             * inlined code is not.
             */
            return !may_grow(code.class, activation->rule) &&
                   activation_function(pc) == activation->function;
        if (frame.sp > activation->cfa)
            return true;
    }
    /* The walk does not tell: it is settled when the place is overwritten, or the stack above. */
    return is_overwritten(activation);
}
