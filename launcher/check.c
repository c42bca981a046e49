#define _GNU_SOURCE /* environ */
#include "launcher/check.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/child.h"
#include "launcher/complain.h"
#include "launcher/subcommands.h"

static int run_report(char **argv)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int error, status;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    error = posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error) {
        complain("%s: %s", argv[0], strerror(error));
        return EXIT_CANNOT_RUN;
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return EXIT_CANNOT_RUN;
    return child_exit_status(status);
}

int check_traces(const char *report, char *const *options, size_t count,
                 const struct trace_files *files)
{
    char **argv = calloc(count + files->count + 4, sizeof *argv);
    size_t words = 0;
    int status;

    if (!argv) {
        complain("%s", strerror(ENOMEM));
        return EXIT_CANNOT_RUN;
    }
    argv[words++] = (char *)report;
    argv[words++] = "--check";
    for (size_t i = 0; i < count; i++)
        if (options[i])
            argv[words++] = options[i];
    argv[words++] = "--";
    for (size_t i = 0; i < files->count; i++)
        argv[words++] = files->files[i].path;
    status = run_report(argv);
    free(argv);
    return status;
}
