/*
 * The stack that each thread was born with, as far as it is known: the first
 * thread's by its place, others' once a walk has come to where they began. Takes
 * no lock, keeps errno.
 */
#ifndef MAPTRACE_PRELOAD_HOME_H
#define MAPTRACE_PRELOAD_HOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct home {
    uintptr_t low, high; /* all between is of that one stack */
    uintptr_t used;      /* in use once from here on: to be read as long as the thread lives */
};

/* A frame that is larger is not believed to lie on one stack with its caller. */
#define HOME_STEP_MOST ((uintptr_t)1 << 20)

extern __thread struct home home_self __attribute__((tls_model("initial-exec")));

static inline bool home_has(uintptr_t address)
{
    return address - home_self.low < home_self.high - home_self.low;
}

/* Where the stack of the first thread begins; 0: not known. */
uintptr_t home_of_first(void);

/* The thread runs at SP: if it is the first one, its stack is known now. */
void home_find(uintptr_t sp);

/* A walk came from LOW to END, the outermost frame of a thread, and missed no frame. */
void home_add(uintptr_t low, uintptr_t end);

/* BYTES at ADDRESS lie on the calling thread's stack, and reading them cannot fault. */
static inline bool home_can_read(uintptr_t address, size_t bytes)
{
    return address - home_self.used < home_self.high - home_self.used &&
           bytes <= home_self.high - address;
}

#endif
