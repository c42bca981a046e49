#define _GNU_SOURCE /* environ */
#include "launcher/child.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/complain.h"
#include "launcher/subcommands.h"

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

static _Noreturn void become(const struct child *child, char **argv, char **environment)
{
    free_signals(child);
    environ = environment;
    execvp(argv[0], argv);
    int error = errno;
    complain("%s: %s", argv[0], strerror(error));
    _exit(error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

int child_start(struct child *child, char **argv, char **environment)
{
    hold_signals(child);
    child->pid = fork();
    if (child->pid == 0)
        become(child, argv, environment);
    if (child->pid < 0) {
        int error = errno;
        free_signals(child);
        return -error;
    }
    return 0;
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

int child_wait(struct child *child)
{
    siginfo_t signal;
    sigset_t held = held_signals();
    int status;

    do {
        if (sigwaitinfo(&held, &signal) >= 0 && signal.si_signo != SIGCHLD)
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
