/*
 * Grow functions whose return a tracer may watch, with results in every
 * register that holds one, and with everything that reads or unwinds a stack.
 * Each line says what it saw; it must be the same without a tracer.
 *
 *     returned
 *
 * Tables grow by doubling and free what they replace: no finding.
 */
#include <complex.h>
#include <execinfo.h>
#include <immintrin.h>
#include <pthread.h>
#include <sys/wait.h>
#include <ucontext.h>

#include "truth.h"

enum { ROUNDS = 6 };

struct table {
    size_t capacity;
    void **buckets;
};

static long resizes;

static ALWAYS_INLINE void grow(struct table *table)
{
    size_t capacity = table->capacity ? table->capacity * 2 : 16;
    void **old = table->buckets, **buckets = calloc(capacity, sizeof *buckets);

    if (!buckets)
        abort();
    if (old) {
        memcpy(buckets, old, table->capacity * sizeof *buckets);
        resizes++;
    }
    table->buckets = buckets;
    table->capacity = capacity;
    free(old);
}

/* --- results ----------------------------------------------------------------- */

struct two_words {
    long first, second;
};
struct two_doubles {
    double first, second;
};
struct mixed {
    double first;
    long second;
};

NOINLINE long returned_word(struct table *table)
{
    grow(table);
    return (long)table->capacity * 3;
}

NOINLINE struct two_words returned_two_words(struct table *table)
{
    grow(table);
    return (struct two_words){(long)table->capacity, -(long)table->capacity};
}

NOINLINE double returned_double(struct table *table)
{
    grow(table);
    return (double)table->capacity / 3;
}

NOINLINE struct two_doubles returned_two_doubles(struct table *table)
{
    grow(table);
    return (struct two_doubles){(double)table->capacity / 3, (double)table->capacity / 7};
}

NOINLINE struct mixed returned_mixed(struct table *table)
{
    grow(table);
    return (struct mixed){(double)table->capacity / 3, (long)table->capacity};
}

NOINLINE long double returned_long_double(struct table *table)
{
    grow(table);
    return (long double)table->capacity / 3;
}

NOINLINE long double complex returned_complex(struct table *table)
{
    grow(table);
    return (long double)table->capacity / 3 + (long double)table->capacity / 7 * I;
}

__attribute__((target("avx"))) NOINLINE __m256d returned_vector(struct table *table)
{
    grow(table);
    return _mm256_set_pd((double)table->capacity / 3, 1.5, 2.5, (double)table->capacity / 7);
}

__attribute__((target("avx"))) NOINLINE void show_vector(struct table *table)
{
    double lanes[4];

    _mm256_storeu_pd(lanes, returned_vector(table));
    printf("vector %.17g %.17g %.17g %.17g\n", lanes[0], lanes[1], lanes[2], lanes[3]);
}

static void results(void)
{
    static struct table tables[8];

    for (int round = 0; round < ROUNDS; round++) {
        printf("word %ld\n", returned_word(&tables[0]));
        struct two_words words = returned_two_words(&tables[1]);
        printf("two words %ld %ld\n", words.first, words.second);
        printf("double %.17g\n", returned_double(&tables[2]));
        struct two_doubles doubles = returned_two_doubles(&tables[3]);
        printf("two doubles %.17g %.17g\n", doubles.first, doubles.second);
        struct mixed mixed = returned_mixed(&tables[4]);
        printf("mixed %.17g %ld\n", mixed.first, mixed.second);
        printf("long double %.21Lg\n", returned_long_double(&tables[5]));
        long double complex number = returned_complex(&tables[6]);
        printf("complex %.21Lg %.21Lg\n", __real__ number, __imag__ number);
        if (__builtin_cpu_supports("avx"))
            show_vector(&tables[7]);
    }
}

/* --- stacks ------------------------------------------------------------------- */

static void *main_low, *main_high;

/* How many frames of the program's own main() a backtrace from here reaches. */
NOINLINE int frames_of_main(void)
{
    void *frames[64];
    int count = backtrace(frames, 64), seen = 0;

    for (int i = 0; i < count; i++)
        seen += frames[i] > main_low && frames[i] < main_high;
    return seen;
}

NOINLINE int returned_after_backtrace(struct table *table)
{
    grow(table);
    int seen = frames_of_main();
    USE(&seen);
    return seen;
}

NOINLINE int returned_through_fork(struct table *table)
{
    grow(table);
    int child = fork(), status;

    if (child > 0)
        waitpid(child, &status, 0);
    return child ? WEXITSTATUS(status) : -1;
}

static bool cleaned;

static void clean(void *unused)
{
    (void)unused;
    cleaned = true;
}

NOINLINE void returned_never(struct table *table)
{
    grow(table);
    pthread_exit((void *)7);
}

static void *thread(void *table)
{
    pthread_cleanup_push(clean, NULL);
    returned_word(table);
    returned_never(table);
    pthread_cleanup_pop(0);
    return NULL;
}

static void leaves_by_pthread_exit(void)
{
    static struct table table;
    pthread_t self;
    void *answer;

    if (pthread_create(&self, NULL, thread, &table) != 0 || pthread_join(self, &answer) != 0)
        abort();
    printf("thread answered %ld, cleaned up: %d\n", (long)answer, cleaned);
}

static ucontext_t home, away;
static char other_stack[64 << 10];

/* Returned through twice: the stack as it was is copied back. */
static char copy[16 << 10];
static char *copied;
static size_t copied_bytes;

NOINLINE long returned_twice(struct table *table)
{
    grow(table);
    if (!copied) {
        copied = (char *)__builtin_frame_address(0) - 1024;
        copied_bytes = (size_t)(other_stack + sizeof other_stack - copied);
        if (copied_bytes > sizeof copy)
            abort();
        swapcontext(&away, &home);
    }
    return (long)table->capacity;
}

static struct table twice;

static void coroutine(void)
{
    long capacity = returned_twice(&twice);

    printf("returned with %ld\n", capacity);
}

static void returns_twice(void)
{
    static ucontext_t end, again;
    ucontext_t saved;

    grow(&twice);
    getcontext(&away);
    away.uc_stack.ss_sp = other_stack;
    away.uc_stack.ss_size = sizeof other_stack;
    away.uc_link = &end;
    makecontext(&away, coroutine, 0);
    swapcontext(&home, &away);
    memcpy(copy, copied, copied_bytes);
    saved = away;
    swapcontext(&end, &away);
    memcpy(copied, copy, copied_bytes);
    again = saved;
    again.uc_mcontext.fpregs = &again.__fpregs_mem;
    swapcontext(&end, &again);
}

int main(void)
{
    static struct table seen, forked;

    main_low = (void *)main;
    main_high = (char *)main + 4096;
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    results();
    for (int round = 0; round < ROUNDS; round++)
        printf("main is there: %d\n", returned_after_backtrace(&seen) > 0);
    returned_word(&forked);
    int answer = returned_through_fork(&forked);
    if (answer < 0)
        _exit(42);
    printf("child answered %d\n", answer);
    leaves_by_pthread_exit();
    returns_twice();
    truth_line("{\"is\":\"note\",\"resizes\":%ld}", resizes);
    return 0;
}
