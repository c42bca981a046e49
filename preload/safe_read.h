/*
 * Reads the program's memory in a way that cannot fault. Uses one system call,
 * and none at all in a sandbox: there only the memory that is known to be
 * mapped can be read.
 */
#ifndef MAPTRACE_PRELOAD_SAFE_READ_H
#define MAPTRACE_PRELOAD_SAFE_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Tries the system calls once. Call it while the process is not sandboxed. */
void safe_read_start(void);

/* Copies BYTES from ADDRESS. False, and TO unchanged or partly written, if it cannot. */
bool safe_read(uintptr_t address, void *to, size_t bytes);

/*
 * Copies a window of WORDS words from each of COUNT addresses to consecutive
 * windows at TO; sets READABLE[i]. COUNT at most SAFE_READ_MOST.
 */
#define SAFE_READ_MOST 64
void safe_read_windows(const uintptr_t *addresses, unsigned count, unsigned words, uint64_t *to,
                       bool *readable);

#endif
