#include "redirect.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "raw.h"
#include "sandbox.h"

#define PAGE ((uintptr_t)4096)
#define REACH ((uintptr_t)0x7ff00000) /* of a 32-bit displacement, with room to spare */
#define JUMP_BYTES 5                  /* jmp rel32 */
#define MOVED_MOST 19                 /* an instruction of 15 bytes behind one of 4 */

/* A page of code that nobody runs: where the rules of this system are tried out. */
__asm__(".pushsection .text\n"
        ".balign 4096\n"
        "redirect_unused_page:\n"
        ".skip 4096, 0xcc\n"
        ".popsection\n");
extern uint8_t redirect_unused_page[] __attribute__((visibility("hidden")));

static bool protect(uintptr_t low, uintptr_t high, int protection)
{
    return !raw_failed(raw_call(SYS_mprotect, (long)low, (long)(high - low), protection, 0, 0, 0));
}

/* The first bytes of a file of the system's. */
static bool read_text(const char *path, char *text, size_t room)
{
    long fd = raw_open(path, 0 /* O_RDONLY */, 0), got;

    if (raw_failed(fd))
        return false;
    got = raw_read((int)fd, text, room - 1);
    raw_close((int)fd);
    text[raw_failed(got) ? 0 : got] = 0;
    return !raw_failed(got) && got > 0;
}

/* In assembler: a thread sanitizer that saw it would look for a shadow that code has not. */
static void put_code(uintptr_t place, const uint8_t *code, size_t bytes)
{
    __asm__ volatile("rep movsb" : "+D"(place), "+S"(code), "+c"(bytes) : : "memory");
}

const char *redirect_refused(bool sandboxed)
{
    char text[4096];
    uintptr_t page = (uintptr_t)redirect_unused_page;

    if (!sandbox_may_call() || !read_text("/proc/self/status", text, sizeof text))
        return "its state cannot be read";
    if (!strstr(text, "\nThreads:\t1\n"))
        return "it has several threads already";
    /* A filter may kill for what is tried below. */
    if (!sandboxed && !strstr(text, "\nSeccomp:\t0\n"))
        return "it runs in a sandbox";
    if (read_text("/sys/fs/selinux/enforce", text, sizeof text) && *text == '1')
        return "SELinux is enforced";
    if (!protect(page, page + PAGE, PROT_READ | PROT_WRITE))
        return "its code cannot be written to";
    put_code(page, (const uint8_t[]){0xcc}, 1);
    return protect(page, page + PAGE, PROT_READ | PROT_EXEC) ? NULL
                                                             : "its code cannot be written to";
}

static bool is_call(uintptr_t place)
{
    const uint8_t *code = (const uint8_t *)place;

    return code[0] == 0xe8 || (code[0] == 0xff && code[1] == 0x15);
}

static bool is_in_range(const struct code_calls *calls, uintptr_t place, size_t bytes)
{
    return place >= calls->low && place < calls->high && bytes <= calls->high - place;
}

static bool is_entry(const struct code_calls *calls)
{
    if (calls->count != 1 || calls->entry_bytes < JUMP_BYTES || calls->entry_bytes > MOVED_MOST ||
        !is_in_range(calls, calls->places[0], calls->entry_bytes))
        return false;
    for (uint32_t i = 0; i < calls->operand_count; i++)
        if (calls->operands[i] > calls->entry_bytes - 4)
            return false;
    return true;
}

static bool is_as_in_file(const struct module *module, const struct code_calls *calls)
{
    if (calls->low < module->code.low || calls->high > module->code.high ||
        rules_hash(RULES_HASH_SEED, (const char *)calls->low, calls->high - calls->low) !=
            calls->hash)
        return false;
    if (calls->entry_bytes)
        return is_entry(calls);
    for (size_t i = 0; i < calls->count; i++)
        if (!is_in_range(calls, calls->places[i], JUMP_BYTES) || !is_call(calls->places[i]))
            return false;
    return true;
}

bool redirect_knows(const struct module *module, const struct code_range *range)
{
    const struct code_calls *calls = calls_find(&module->calls, range->low, range->high);

    return calls && (calls->wanted || is_as_in_file(module, calls));
}

void redirect_want(struct module *module, const struct code_range *range)
{
    calls_find(&module->calls, range->low, range->high)->wanted = true;
}

bool redirect_wants(const struct module *module)
{
    for (size_t i = 0; i < module->calls.count; i++)
        if (module->calls.all[i].wanted)
            return true;
    return false;
}

/* Below: above the program grows its heap, above the libraries its stack. */
uint8_t *redirect_map_near(uintptr_t low, uintptr_t high, size_t bytes)
{
    uintptr_t step = (uintptr_t)64 << 10;

    for (uintptr_t distance = bytes; distance < REACH - (high - low); distance += step) {
        uintptr_t wanted = (low - distance) & ~(PAGE - 1);
        if (wanted > low || wanted < (uintptr_t)1 << 16)
            break;
        long at = raw_mmap((void *)wanted, bytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (at == (long)wanted)
            return (uint8_t *)at;
        if (!raw_failed(at)) /* a kernel that does not know the last flag */
            raw_munmap((void *)at, bytes);
        step += step / 4;
    }
    return NULL;
}

bool redirect_make_code(uint8_t *at, size_t bytes)
{
    return protect((uintptr_t)at, (uintptr_t)at + bytes, PROT_READ | PROT_EXEC);
}

/* Code from LOW to HIGH can be written to while the answer is kept for end_writing(). */
static bool begin_writing(uintptr_t low, uintptr_t high, uint64_t *signals)
{
    uint64_t all = ~(uint64_t)0;

    raw_call(SYS_rt_sigprocmask, SIG_BLOCK, (long)&all, (long)signals, 8, 0, 0);
    return protect(low & ~(PAGE - 1), (high + PAGE - 1) & ~(PAGE - 1), PROT_READ | PROT_WRITE);
}

static void end_writing(uintptr_t low, uintptr_t high, const uint64_t *signals)
{
    low &= ~(PAGE - 1);
    high = (high + PAGE - 1) & ~(PAGE - 1);
    /* It was tried out: should it fail now, the kernel is short of memory for a while. */
    for (unsigned tries = 0; tries < 1000 && !protect(low, high, PROT_READ | PROT_EXEC); tries++)
        raw_call(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
    raw_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)signals, 0, 8, 0, 0);
}

bool redirect_write(const struct redirect_change *changes, size_t count)
{
    uintptr_t low = UINTPTR_MAX, high = 0;
    uint64_t signals;

    for (size_t i = 0; i < count; i++) {
        uintptr_t end = changes[i].place + changes[i].bytes;
        low = changes[i].place < low ? changes[i].place : low;
        high = end > high ? end : high;
    }
    bool written = begin_writing(low, high, &signals);
    for (size_t i = 0; written && i < count; i++)
        put_code(changes[i].place, changes[i].code, changes[i].bytes);
    end_writing(low, high, &signals);
    return written;
}

static intptr_t load_displacement(uintptr_t at)
{
    int32_t value;

    memcpy(&value, (const void *)at, sizeof value);
    return value;
}

static void store_displacement(uint8_t *at, uintptr_t target)
{
    int32_t value = (int32_t)(target - ((uintptr_t)at + sizeof value));

    memcpy(at, &value, sizeof value);
}

static bool reaches(uintptr_t from, uintptr_t to)
{
    return to - from + REACH < 2 * REACH;
}

/* A jump to where the call at PLACE leads. False if that is too far away. */
static bool write_call(uint8_t *at, uintptr_t place)
{
    bool direct = *(const uint8_t *)place == 0xe8;
    unsigned before = direct ? 1 : 2; /* bytes before the displacement */
    uintptr_t operand = place + before + 4 + (uintptr_t)load_displacement(place + before);

    if (!reaches((uintptr_t)at, operand))
        return false;
    if (direct) {
        *at = 0xe9;
    } else {
        at[0] = 0xff;
        at[1] = 0x25;
    }
    store_displacement(at + before, operand);
    return true;
}

/* What stands at the entry, and a jump to what follows there. */
static bool write_entry(uint8_t *at, const struct code_calls *calls)
{
    uintptr_t place = calls->places[0], moved = (uintptr_t)at - place;

    memcpy(at, (const void *)place, calls->entry_bytes);
    for (uint32_t i = 0; i < calls->operand_count; i++) {
        intptr_t value = load_displacement(place + calls->operands[i]) - (intptr_t)moved;
        int32_t narrow = (int32_t)value;

        if (narrow != value)
            return false;
        memcpy(at + calls->operands[i], &narrow, sizeof narrow);
    }
    at += calls->entry_bytes;
    if (!reaches((uintptr_t)at, place))
        return false;
    *at = 0xe9;
    store_displacement(at + 1, place + calls->entry_bytes);
    return true;
}

static void redirect(uintptr_t place, bool entry, const uint8_t *thunk)
{
    uint8_t *code = (uint8_t *)place;

    if (entry) {
        *code = 0xe9;
    } else if (*code == 0xff) { /* of equal length: the prefix 67 is without effect */
        code[0] = 0x67;
        code[1] = 0xe8;
        code++;
    }
    store_displacement(code + 1, (uintptr_t)thunk);
}

struct thunks {
    uint8_t *first;
    size_t bytes, each;
};

#define EACH_PLACE(module, one, i)                                                                 \
    for (const struct code_calls *one = (module)->calls.all;                                       \
         one < (module)->calls.all + (module)->calls.count; one++)                                 \
        for (size_t i = 0; one->wanted && i < one->count; i++)

static bool is_redirected(const struct thunks *thunks, const struct code_calls *one,
                          uintptr_t place)
{
    uintptr_t target = place + 5 + (uintptr_t)load_displacement(place + 1);
    uint8_t opcode = *(const uint8_t *)place;

    if (opcode == 0x67)
        return !one->entry_bytes;
    return opcode == (one->entry_bytes ? 0xe9 : 0xe8) &&
           target - (uintptr_t)thunks->first < thunks->bytes;
}

static bool write_thunks(const struct module *module, const struct thunks *thunks,
                         const uint8_t *body, size_t body_bytes)
{
    uint8_t *thunk = thunks->first;

    EACH_PLACE(module, one, i)
    {
        memcpy(thunk, body, body_bytes);
        if (one->entry_bytes ? !write_entry(thunk + body_bytes, one)
                             : !write_call(thunk + body_bytes, one->places[i]))
            return false;
        thunk += thunks->each;
    }
    return protect((uintptr_t)thunks->first, (uintptr_t)thunks->first + thunks->bytes,
                   PROT_READ | PROT_EXEC);
}

/* The ranges of inlined copies lie in those of functions: some calls are listed twice. */
static void redirect_all(const struct module *module, const struct thunks *thunks)
{
    uint8_t *thunk = thunks->first;

    EACH_PLACE(module, one, i)
    {
        if (!is_redirected(thunks, one, one->places[i]))
            redirect(one->places[i], one->entry_bytes, thunk);
        thunk += thunks->each;
    }
}

bool redirect_calls(const struct module *module, const uint8_t *body, size_t body_bytes)
{
    struct thunks thunks = {.each = (body_bytes + MOVED_MOST + JUMP_BYTES + 15) & ~(size_t)15};
    uintptr_t low = UINTPTR_MAX, high = 0;
    uint64_t signals;
    size_t count = 0;

    EACH_PLACE(module, one, i)
    {
        low = one->places[i] < low ? one->places[i] : low;
        high = one->places[i] + 6 > high ? one->places[i] + 6 : high;
        count++;
    }
    if (!count)
        return true;
    thunks.bytes = (count * thunks.each + PAGE - 1) & ~(PAGE - 1);
    thunks.first = redirect_map_near(module->low, module->high, thunks.bytes);
    if (!thunks.first)
        return false;
    bool written = write_thunks(module, &thunks, body, body_bytes);
    if (written) {
        written = begin_writing(low, high, &signals);
        if (written)
            redirect_all(module, &thunks);
        end_writing(low, high, &signals);
    }
    if (!written)
        raw_munmap(thunks.first, thunks.bytes);
    return written;
}
