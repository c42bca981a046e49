/*
 * The memory of another process, which is only ever read. Nothing is stopped:
 * what is read may change meanwhile.
 */
#ifndef MAPTRACE_GOLANG_MEMORY_H
#define MAPTRACE_GOLANG_MEMORY_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct mapping {
    uint64_t low, high;
    bool program; /* of the file that the process executes */
    bool readable, writable, executable;
    bool file;            /* of some file, or one of the kernel's own areas */
    unsigned char *bytes; /* what stands there, of an image (golang/image.h); else NULL */
};

enum { GO_PATCH_BYTES = 7 };

/* An instruction that was replaced. */
struct go_code_patch {
    uint64_t address;
    unsigned char bytes; /* how many are replaced */
    unsigned char before[GO_PATCH_BYTES], after[GO_PATCH_BYTES];
};

struct memory {
    pid_t pid;
    int fd;                   /* /proc/PID/mem */
    char program[PATH_MAX];   /* what the process executes */
    struct mapping *mappings; /* by address */
    size_t count;
    /* Reads as if these had never been replaced, which are there. */
    const struct go_code_patch *patches;
    size_t patch_count;
};

/*
 * Opens the memory of PID, to be closed with memory_close(). Returns 0 or
 * -errno: -ESRCH without such a process, -EACCES where we may not look,
 * -ENOEXEC for one without a program of its own (a kernel thread, a zombie).
 */
int memory_open(struct memory *memory, pid_t pid);
void memory_close(struct memory *memory);

/* True if all BYTES were there. */
bool memory_read(const struct memory *memory, uint64_t address, void *buffer, size_t bytes);

/*
 * BYTES at ADDRESS, for as long as they are looked at: where they are if that can be, else a copy.
 * NULL: they were not all there, or there is no memory. To be given back.
 */
struct memory_loan {
    const void *bytes;
    void *copy;
};

const void *memory_borrow(const struct memory *memory, uint64_t address, size_t bytes,
                          struct memory_loan *loan);
void memory_give_back(struct memory_loan *loan);

/* Some bytes of many. */
struct memory_piece {
    uint64_t address;
    void *buffer;
    size_t bytes;
    bool there; /* the answer: all of them were */
};

enum { MEMORY_PIECES_MOST = 32 };

/* Reads COUNT pieces, no more than MEMORY_PIECES_MOST, of data: far cheaper than one by one. */
void memory_read_pieces(const struct memory *memory, struct memory_piece *pieces, size_t count);

/* The mapping that ADDRESS is in, or NULL. */
const struct mapping *memory_at(const struct memory *memory, uint64_t address);

#endif
