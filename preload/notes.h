/* The notes that a loaded file carries in its memory. Signal-safe; what is read must be mapped. */
#ifndef MAPTRACE_NOTES_H
#define MAPTRACE_NOTES_H

#include <stddef.h>
#include <stdint.h>

struct note_text {
    const char *text; /* where it is mapped; NULL: there is none */
    size_t bytes;
};

/* The note of OWNER and TYPE in the BYTES of a PT_NOTE segment at LOW. */
struct note_text notes_find(uintptr_t low, size_t bytes, const char *owner, uint32_t type);

#endif
