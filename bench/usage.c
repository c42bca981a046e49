/*
 * usage FILE COMMAND...: runs COMMAND and writes what it and all its descendants
 * used: seconds by the clock, seconds of processor time, and the KiB of the
 * largest process. It is small itself, which matters: a process inherits the
 * peak of whoever starts it. Answers COMMAND's status.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + 1e-6 * (double)time.tv_usec;
}

int main(int count, char **arguments)
{
    struct rusage used;
    int status;

    if (count < 3)
        return 125;
    double start = now();
    pid_t child = fork();
    if (child == 0) {
        execvp(arguments[2], arguments + 2);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &used) != child)
        return 126;
    FILE *file = fopen(arguments[1], "w");
    if (!file)
        return 125;
    fprintf(file, "%.6f %.6f %ld\n", now() - start, seconds(used.ru_utime) + seconds(used.ru_stime),
            used.ru_maxrss);
    if (fclose(file))
        return 125;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
