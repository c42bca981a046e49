/* libevent's HT_GENERATE: the debug mode keeps every event in such a table. */
#include <event2/event.h>
#include <stdlib.h>

#include "truth.h"

static void never(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor, (void)what, (void)context;
}

int main(void)
{
    event_enable_debug_mode();
    struct event_base *base = event_base_new();
    struct event **events = calloc(20000, sizeof *events);

    for (int i = 0; i < 20000; i++)
        events[i] = event_new(base, -1, 0, never, NULL);
    /* 53 buckets at first, about doubled (primes) at half as many entries. */
    static const size_t primes[] = {53, 97, 193, 389, 769, 1543, 3079, 6151, 12289, 24593, 49157};
    for (size_t i = 1; primes[i - 1] / 2 < 20000 && i < sizeof primes / sizeof *primes; i++)
        truth_change(primes[i - 1], primes[i], 1);
    truth_print();
}
