/*
 * Says which signals it gets, one a line, after the word "ready"; ends when a
 * second has passed without one since the first.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int main(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    struct timespec second = {.tv_sec = 1};
    sigset_t all;
    int number;

    sigfillset(&all);
    for (int i = 0; i < 4; i++)
        sigdelset(&all, faults[i]);
    sigprocmask(SIG_BLOCK, &all, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    puts("ready");
    for (number = sigwaitinfo(&all, NULL); number > 0; number = sigtimedwait(&all, NULL, &second))
        printf("%d\n", number);
    return 0;
}
