#define _GNU_SOURCE /* environ */
#include "launcher/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "launcher/complain.h"
#include "launcher/subcommands.h"
#include "launcher/trace_path.h"
#include "preload/options.h"

/* All but those that this process can only have caused itself. */
static sigset_t held_signals(void)
{
    static const int own[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGPIPE};
    sigset_t held;

    sigfillset(&held);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        sigdelset(&held, own[i]);
    return held;
}

/* Signals are taken one by one with sigwaitinfo(), which also tells who sent them. */
static void hold_signals(struct child *child)
{
    struct sigaction standard = {.sa_handler = SIG_DFL};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t held = held_signals();

    /* An ignored SIGCHLD would reap the child behind our back. */
    sigaction(SIGCHLD, &standard, &child->on_child);
    sigaction(SIGPIPE, &ignore, &child->on_pipe);
    sigprocmask(SIG_BLOCK, &held, &child->mask);
}

static void free_signals(const struct child *child)
{
    sigaction(SIGCHLD, &child->on_child, NULL);
    sigaction(SIGPIPE, &child->on_pipe, NULL);
    sigprocmask(SIG_SETMASK, &child->mask, NULL);
}

/* What the library in this process and in its descendants takes for the first process. */
static void tell_root(struct environment *environment, const char *trace, const char *command)
{
    char *path = trace_path(trace, getpid(), command), *value;

    if (path && asprintf(&value, "%d:%s", (int)getpid(), path) > 0) {
        environment_set(environment, OPTIONS_RUN, value);
        free(value);
    }
    free(path);
}

static _Noreturn void become(const struct child *child, char **argv, char **environment)
{
    free_signals(child);
    environ = environment;
    execvp(argv[0], argv);
    int error = errno;
    complain("%s: %s", argv[0], strerror(error));
    _exit(error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

int child_start(struct child *child, char **argv, struct environment *environment,
                const char *trace)
{
    int ends[2] = {-1, -1};
    char byte;

    if (trace && pipe2(ends, O_CLOEXEC) != 0)
        return -errno;
    hold_signals(child);
    child->gate = ends[1];
    child->pid = fork();
    if (child->pid == 0) {
        if (trace) {
            tell_root(environment, trace, argv[0]);
            close(ends[1]); /* the end of the launcher opens the gate, too */
            while (read(ends[0], &byte, 1) < 0 && errno == EINTR)
                ;
        }
        become(child, argv, environment->entries);
    }
    int error = child->pid < 0 ? errno : 0;
    if (trace)
        close(ends[0]);
    if (error && trace)
        close(ends[1]);
    if (error)
        free_signals(child);
    return -error;
}

/* Stops this process as NUMBER would have; returns when it is continued. */
static void stop_like(int number)
{
    struct sigaction standard = {.sa_handler = SIG_DFL}, before;
    sigset_t only;

    sigemptyset(&only);
    sigaddset(&only, number);
    sigaction(number, &standard, &before);
    kill(getpid(), number);
    sigprocmask(SIG_UNBLOCK, &only, NULL);
    sigprocmask(SIG_BLOCK, &only, NULL);
    sigaction(number, &before, NULL);
}

static void pass_on(const struct child *child, const siginfo_t *signal)
{
    /* What the terminal sends goes to the whole group: the child has it already. */
    if (signal->si_code == SI_KERNEL)
        return;
    kill(child->pid, signal->si_signo);
}

/* True when the child has ended. */
static bool look_after(const struct child *child, int *status)
{
    pid_t pid;

    while ((pid = waitpid(child->pid, status, WNOHANG | WUNTRACED)) == child->pid) {
        if (!WIFSTOPPED(*status))
            return true;
        /*
         * SIGSTOP is left out: whoever stops the child by its pid continues it
         * by its pid, and nobody would continue us.
         */
        int number = WSTOPSIG(*status);
        if (number == SIGTSTP || number == SIGTTIN || number == SIGTTOU)
            stop_like(number);
    }
    return false;
}

/* The next signal, or -1 when LOOK wants to be called. */
static int next_signal(const sigset_t *held, siginfo_t *signal, child_look *look, void *context)
{
    if (!look)
        return sigwaitinfo(held, signal);
    unsigned pause = look(context);
    struct timespec time = {.tv_sec = pause / 1000, .tv_nsec = pause % 1000 * 1000000l};
    return sigtimedwait(held, signal, &time);
}

int child_wait(struct child *child, child_look *look, void *context)
{
    siginfo_t signal;
    sigset_t held = held_signals();
    int status;

    if (child->gate >= 0)
        close(child->gate);
    do {
        if (next_signal(&held, &signal, look, context) >= 0 && signal.si_signo != SIGCHLD)
            pass_on(child, &signal);
    } while (!look_after(child, &status));
    free_signals(child);
    return status;
}

int child_exit_status(int wait_status)
{
    return WIFSIGNALED(wait_status) ? EXIT_SIGNAL + WTERMSIG(wait_status)
                                    : WEXITSTATUS(wait_status);
}
