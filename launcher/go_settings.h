/*
 * GODEBUG: with clobberfree=1 Go's runtime overwrites memory that it frees, so that a map
 * that is in use is told from one that is not.
 */
#ifndef MAPTRACE_LAUNCHER_GO_SETTINGS_H
#define MAPTRACE_LAUNCHER_GO_SETTINGS_H

#include <stdbool.h>
#include <sys/types.h>

#include "launcher/environment.h"

/* Switches it on; what is set already has precedence. 0 or -ENOMEM. */
int go_settings_add(struct environment *environment);

/* Whether it is on. */
bool go_settings_clobber(const struct environment *environment);
/* The same for a process that runs. */
bool go_settings_clobber_of(pid_t pid);

#endif
