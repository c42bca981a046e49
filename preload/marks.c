#define _GNU_SOURCE
#include "marks.h"

#include <errno.h>
#include <string.h>

#include "code.h"
#include "home.h"

/* More frames than that are not believed to be of one stack. */
#define DEPTH_MOST 1024
#define PATIENCE_MOST 8 /* 255 calls without another try */

/* Of each thread: */
static __thread struct {
    uint16_t skip; /* calls that do without a try */
    uint8_t patience;
} tries __attribute__((tls_model("initial-exec")));

static frame_step step_at(uintptr_t pc)
{
    frame_step step;

    if (code_peek(pc, &step))
        return step;
    int kept = errno;
    thread_self.nested++;
    code_at(pc, false);
    thread_self.nested--;
    errno = kept;
    return code_peek(pc, &step) ? step : STEP_NONE;
}

/*
 * Walks past the marked place and, if that is not known yet, to where the stack
 * begins. True if no grow function is on the stack up to the marked place.
 */
static bool walk_past(const struct call_site *site, uintptr_t place)
{
    uintptr_t pc = site->pc, sp = site->sp, rbp = site->rbp;
    bool passed = false, known = home_has(sp);

    for (unsigned depth = 0; depth < DEPTH_MOST; depth++) {
        frame_step step = step_at(pc);

        if (!passed && step & CODE_DECIDES)
            return false;
        passed |= sp > place;
        if (passed && known)
            return true;
        if (step_kind(step) == STEP_END)
            home_add(site->sp, sp);
        if (step_kind(step) != STEP_STACK && step_kind(step) != STEP_FRAME)
            return passed;
        uintptr_t cfa = frame_cfa(step, sp, rbp);
        if (!cfa || cfa - sp > HOME_STEP_MOST)
            return passed;
        unsigned rbp_words = frame_saved(step, REGISTER_RBP);
        if (rbp_words)
            rbp = *(uintptr_t *)(cfa - 8 * rbp_words);
        pc = *(uintptr_t *)(cfa - 8);
        sp = cfa;
        if (!pc)
            return passed;
    }
    return passed;
}

/* No note is left on a place where a call may still be under way. */
static bool is_over(const struct call_site *site)
{
    const struct mark *mark = &thread_self.mark;
    uintptr_t at = site->sp - 8; /* where this call's return address stands */

    if (!home_has(site->sp))
        home_find(site->sp);
    if (at > mark->high && home_has(site->sp) && home_has(mark->high) && home_has(mark->low))
        return true;
    if (tries.skip) {
        tries.skip--;
        return false;
    }
    bool clean = walk_past(site, mark->high);
    bool one_stack = home_has(site->sp) && home_has(mark->high) && home_has(mark->low);
    /* On a stack that is not known, only what the walk itself has passed is over. */
    bool over = clean && (one_stack || (at <= mark->low && at <= mark->high));
    if (over) {
        tries.patience = 0;
    } else {
        tries.skip = (uint16_t)((1u << tries.patience) - 1);
        tries.patience += tries.patience < PATIENCE_MOST;
    }
    return over;
}

/* --- what a redirected call does ------------------------------------------- */

static uint8_t *put(uint8_t *at, const void *bytes, size_t count)
{
    memcpy(at, bytes, count);
    return at + count;
}

/* COMPARE is the jump over the store; both instructions are of one length. */
static uint8_t *put_note(uint8_t *at, const void *word, uint8_t jump)
{
    static const uint8_t compare[] = {0x64, 0x48, 0x39, 0x24, 0x25}; /* cmp %rsp,%fs:... */
    static const uint8_t store[] = {0x64, 0x48, 0x89, 0x24, 0x25};   /* mov %rsp,%fs:... */
    int32_t offset = (int32_t)((intptr_t)word - (intptr_t)__builtin_thread_pointer());
    const uint8_t over[] = {jump, sizeof store + sizeof offset};

    at = put(at, compare, sizeof compare);
    at = put(at, &offset, sizeof offset);
    at = put(at, over, sizeof over);
    at = put(at, store, sizeof store);
    return put(at, &offset, sizeof offset);
}

#define JAE 0x73
#define JBE 0x76

void marks_body(uint8_t *body)
{
    body = put_note(body, &thread_self.mark.high, JAE);
    put_note(body, &thread_self.mark.low, JBE);
}

bool marks_note_under_way(bool (*makes_arrays)(const struct code *code, uintptr_t pc))
{
    struct mark mark = thread_self.mark;
    struct frame frame;

    frame_here(&frame);
    for (unsigned depth = 0; depth < DEPTH_MOST; depth++) {
        struct code code = code_at(frame.pc, true);
        bool makes = makes_arrays(&code, frame.pc);

        if (makes && frame.sp - 8 < mark.low)
            mark.low = frame.sp - 8;
        /* The loader's own first function is not described, but has no caller either. */
        if (step_kind(code.step) == STEP_END || home_of_first() - frame.sp < 64) {
            thread_self.mark = mark;
            return !makes;
        }
        if (!code_leave(&frame, code.step))
            return false;
        if (makes && frame.sp - 8 > mark.high)
            mark.high = frame.sp - 8;
    }
    return false;
}

bool marks_passed(const struct call_site *site)
{
    struct mark *mark = &thread_self.mark;

    if (gate_is_open() && !gate_close())
        return false;
    if (mark->high) {
        if (!is_over(site))
            return false;
        mark->high = 0;
        __asm__ volatile("" ::: "memory");
        mark->low = UINTPTR_MAX;
    }
    return true;
}
