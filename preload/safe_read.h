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
 * Copies one aligned word of memory that the caller knows to be in use by a call
 * that has not gone on since: nobody may take it away meanwhile. Costs a tenth.
 */
bool safe_read_used(uintptr_t address, uint64_t *to);

/*
 * Copies a window of WORDS words from each of COUNT addresses to consecutive
 * windows at TO; sets READABLE[i]. Those that are READABLE already are left out.
 * COUNT at most SAFE_READ_MOST.
 */
#define SAFE_READ_MOST 64
void safe_read_windows(const uintptr_t *addresses, unsigned count, unsigned words, uint64_t *to,
                       bool *readable);

#endif
