/*
 * Signals at a high rate whose handler allocates, while tables grow. Runs over
 * signal_safe.so, whose malloc may be called from a handler.
 *
 *     signal_storm MODE
 *
 * plain   the handler allocates and frees
 * grows   the handler grows a table of its own, too
 *
 * One of the main program's tables leaks an old array.
 */
#include <signal.h>
#include <sys/time.h>

#include "table.h"

enum { TABLES = 50, ROUNDS = 9, TURNS = 40 };

static bool handler_grows;
static volatile long handled;

static void handle(int number)
{
    void *blocks[10];

    (void)number;
    handled++;
    for (int index = 0; index < 10; index++)
        blocks[index] = malloc((size_t)(index + 1) * 50);
    for (int index = 0; index < 10; index++)
        free(realloc(blocks[index], 2000));
    if (handler_grows) {
        struct table table = {0};

        for (int round = 0; round < 4; round++)
            table_grow(&table, false);
        table_release(&table);
    }
}

int main(int count, char **arguments)
{
    static struct table tables[TABLES];
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
    struct itimerval often = {{0, 300}, {0, 300}};

    if (count != 2)
        return 2;
    handler_grows = strcmp(arguments[1], "grows") == 0;
    sigaction(SIGPROF, &action, NULL);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_PROF, &often, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int turn = 0; turn < TURNS || handled < 1000; turn++) {
        for (int round = 0; round < ROUNDS; round++)
            for (int index = 0; index < TABLES; index++)
                table_grow(&tables[index], false);
        for (int index = 0; index < TABLES; index++)
            table_release(&tables[index]);
    }
    often = (struct itimerval){0};
    setitimer(ITIMER_PROF, &often, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int round = 0; round < 4; round++)
        table_grow(&tables[7], false);
    truth_finding(table_leak(&tables[7]));
    truth_line("{\"is\":\"note\",\"handled\":%ld}", handled);
    return 0;
}
