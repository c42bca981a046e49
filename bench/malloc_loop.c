/*
 * A loop of malloc and free with blocks of 16 to 4096 bytes, ROUNDS times: what
 * the library costs a program in which it recognises nothing. Prints
 * nanoseconds a pair, by the clock and by the processor.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LIVE 64 /* blocks that are alive at once */

static double seconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int main(int count, char **arguments)
{
    long rounds = count > 1 ? atol(arguments[1]) : 20000000;
    void *live[LIVE] = {NULL};
    uint32_t random = 1;

    double wall = seconds(CLOCK_MONOTONIC), processor = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (long i = 0; i < rounds; i++) {
        void **place = &live[i % LIVE];

        random = random * 1664525u + 1013904223u;
        free(*place);
        *place = malloc(16 + (random >> 16) % 4081);
        if (!*place)
            return 1;
        *(volatile char *)*place = 1;
    }
    wall = seconds(CLOCK_MONOTONIC) - wall;
    processor = seconds(CLOCK_PROCESS_CPUTIME_ID) - processor;
    for (int i = 0; i < LIVE; i++)
        free(live[i]);
    printf("wall %.3f\ncpu %.3f\n", wall * 1e9 / (double)rounds, processor * 1e9 / (double)rounds);
    return 0;
}
