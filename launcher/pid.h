/* A process id that was given on the command line. */
#ifndef MAPTRACE_LAUNCHER_PID_H
#define MAPTRACE_LAUNCHER_PID_H

#include <sys/types.h>

/* -1 and a complaint if TEXT is none. */
pid_t pid_read(const char *text);

#endif
