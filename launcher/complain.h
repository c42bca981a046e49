/* What the launcher says, all of it on stderr and after the program's name. */
#ifndef MAPTRACE_LAUNCHER_COMPLAIN_H
#define MAPTRACE_LAUNCHER_COMPLAIN_H

/* One line; the newline is added. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
