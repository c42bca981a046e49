/*
 * The subcommands, one a file. Each gets its own name as argv[0] and answers
 * the exit status of maptrace.
 */
#ifndef MAPTRACE_LAUNCHER_SUBCOMMANDS_H
#define MAPTRACE_LAUNCHER_SUBCOMMANDS_H

enum exit_status {
    EXIT_USAGE = 2,
    EXIT_INCONCLUSIVE = 24,
    EXIT_CANNOT_RUN = 125, /* maptrace itself failed, as with env(1) and timeout(1) */
    EXIT_NOT_EXECUTABLE = 126,
    EXIT_NOT_FOUND = 127,
    EXIT_SIGNAL = 128, /* plus the number of the signal */
};

int run_main(int argc, char **argv);
int attach_main(int argc, char **argv);
int scan_main(int argc, char **argv);

#endif
