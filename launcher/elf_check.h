/*
 * Which collector fits a program, as far as its file tells: whether a library can be
 * preloaded into it, and whether it is a Go program. The file is only read.
 */
#ifndef MAPTRACE_LAUNCHER_ELF_CHECK_H
#define MAPTRACE_LAUNCHER_ELF_CHECK_H

#include <stdbool.h>

struct elf_verdict {
    const char *obstacle; /* why it cannot be traced, ending a sentence; NULL: nothing is known */
    bool spoils;          /* with the library preloaded it would not run, or complain */
    bool go;              /* a Go program, which can be traced with or without the library */
    bool loads;           /* it loads libraries, ours too */
    bool go_classic;      /* and its maps are of the classic kind */
};

/*
 * Looks at COMMAND as execvp() would find it, and through `#!` lines at the
 * interpreter that will run. What cannot be read has no obstacle: executing it
 * will tell.
 */
struct elf_verdict elf_check(const char *command);

#endif
