/*
 * Whether a library can be preloaded into a program, as far as its file tells.
 * The file is only read.
 */
#ifndef MAPTRACE_LAUNCHER_ELF_CHECK_H
#define MAPTRACE_LAUNCHER_ELF_CHECK_H

#include <stdbool.h>

struct elf_verdict {
    const char *obstacle; /* why it cannot be traced, ending a sentence; NULL: nothing is known */
    bool spoils;          /* with the library preloaded it would not run, or complain */
};

/*
 * Looks at COMMAND as execvp() would find it, and through `#!` lines at the
 * interpreter that will run. What cannot be read has no obstacle: executing it
 * will tell.
 */
struct elf_verdict elf_check(const char *command);

#endif
