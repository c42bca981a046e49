/*
 * Files that the program loads after its start: how it shows, without a lock of
 * the loader's, that one more was loaded, and which.
 */
#ifndef MAPTRACE_PRELOAD_LOADS_H
#define MAPTRACE_PRELOAD_LOADS_H

#include <stdbool.h>
#include <stdint.h>

/* While *WORD is VALUE, no file has been loaded since VALUE was read. Never freed memory. */
struct loads_watch {
    const uintptr_t *word;
    uintptr_t value;
};

/*
 * From now on, where all files that are loaded are known to modules.h. Asks the loader: to be
 * called when the tracer starts. False if there is no way to watch.
 */
bool loads_start(struct loads_watch *watch);

enum loads { LOADS_KNOWN, LOADS_NOT_YET, LOADS_UNKNOWN };

/*
 * Learns every file that is loaded now, forgets those that are not. LOADS_KNOWN: all
 * of them, and WATCH tells of the next. LOADS_NOT_YET: files are just coming or going.
 * LOADS_UNKNOWN: it cannot be told in this process, now or later. Caller holds the tracer's lock.
 * Asks nothing of the loader that could wait.
 */
enum loads loads_learn(struct loads_watch *watch);

#endif
