/*
 * What every allocation function leaves in errno and answers, outside and
 * beneath a grow function. A traced run must print the same as an untraced one.
 */
#include <errno.h>
#include <malloc.h>

#include "truth.h"

static volatile size_t huge = PTRDIFF_MAX;

static void say(const char *where, const char *what, const void *block, int answer)
{
    int left = errno;

    USE(block);
    truth_line("{\"is\":\"note\",\"where\":\"%s\",\"what\":\"%s\",\"block\":%d,\"answer\":%d,"
               "\"errno\":%d}",
               where, what, block != NULL, answer, left);
    errno = 77;
}

/* The same block, which the compiler no longer knows to have been given to realloc. */
static void *hidden(void *block)
{
    __asm__ volatile("" : "+r"(block));
    return block;
}

NOINLINE void errno_probe(const char *where)
{
    void *block, *other, *aligned = NULL;

    errno = 77;
    block = malloc(1000);
    say(where, "malloc", block, 0);
    block = realloc(block, 5000);
    say(where, "realloc", block, 0);
    block = realloc(block, 1 << 20);
    say(where, "realloc large", block, 0);
    other = realloc(hidden(block), huge);
    say(where, "realloc fails", other, 0);
    say(where, "malloc_usable_size", block, malloc_usable_size(block) >= 1 << 20);
    free(block);
    say(where, "free", NULL, 0);
    block = calloc(10, 10);
    say(where, "calloc", block, 0);
    free(block);
    say(where, "free", NULL, 0);
    block = calloc(huge, 16);
    say(where, "calloc overflows", block, 0);
    block = malloc(huge);
    say(where, "malloc fails", block, 0);
    free(NULL);
    say(where, "free null", NULL, 0);
    int answer = posix_memalign(&aligned, 64, 500);
    say(where, "posix_memalign", aligned, answer);
    free(aligned);
    aligned = NULL;
    answer = posix_memalign(&aligned, 3, 500);
    say(where, "posix_memalign alignment", aligned, answer);
    answer = posix_memalign(&aligned, 64, huge);
    say(where, "posix_memalign fails", aligned, answer);
    block = aligned_alloc(64, 640);
    say(where, "aligned_alloc", block, ((uintptr_t)block & 63) == 0);
    free(block);
    block = memalign(128, 100);
    say(where, "memalign", block, ((uintptr_t)block & 127) == 0);
    free(block);
    block = valloc(100);
    say(where, "valloc", block, ((uintptr_t)block & 4095) == 0);
    free(block);
    block = pvalloc(100);
    say(where, "pvalloc", block, malloc_usable_size(block) >= 4096);
    free(block);
    block = aligned_alloc(64, huge & ~(size_t)63);
    say(where, "aligned_alloc fails", block, 0);
    block = reallocarray(NULL, 10, 10);
    say(where, "reallocarray", block, 0);
    other = reallocarray(hidden(block), huge, 16);
    say(where, "reallocarray overflows", other, 0);
    block = realloc(block, 0);
    say(where, "realloc to nothing", block, 0);
    block = malloc(0);
    say(where, "malloc nothing", block, 0);
    free(block);
    block = malloc(40 << 20);
    say(where, "malloc mapped", block, 0);
    free(block);
    say(where, "free mapped", NULL, 0);
}

NOINLINE void errno_grow(void)
{
    errno_probe("grow");
    USE("not a tail call");
}

int main(void)
{
    errno_probe("main");
    errno_grow();
    errno_grow();
    return 0;
}
