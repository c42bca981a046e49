/*
 * Where the other parts of maptrace are: beside this program in a build folder,
 * or in the prefix it was installed to. Paths are absolute, the caller frees them.
 */
#ifndef MAPTRACE_LAUNCHER_PLACE_H
#define MAPTRACE_LAUNCHER_PLACE_H

/* NULL and a complaint when it is not there. */
char *place_library(void);
char *place_report(void);

/* PATH made absolute by the working directory; NULL without memory. */
char *place_absolute(const char *path);

#endif
