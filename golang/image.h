/*
 * An ELF file as memory: as it would stand where it was linked to be, its own
 * addresses (relative relocations) put in. So what golang/ reads from a process
 * it reads from a file.
 */
#ifndef MAPTRACE_GOLANG_IMAGE_H
#define MAPTRACE_GOLANG_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "golang/memory.h"

struct image {
    struct memory memory; /* valid until image_close(); not to be closed by itself */
    unsigned char *bytes; /* a private mapping of the file */
    size_t count;
};

/*
 * FD: a regular file, which must not shrink meanwhile; it may be closed afterwards. Returns 0
 * or -errno: -ENOEXEC if this is no x86-64 ELF program.
 */
int image_open(struct image *image, int fd);
void image_close(struct image *image);

/*
 * What tells this build of a program from others: its GNU build-id or else the last part of its
 * Go build id, which is a hash of its contents. Returns how many bytes of ID it has; 0: none.
 */
enum { IMAGE_BUILD_ID_BYTES = 32 };
size_t image_build_id(const struct image *image, uint8_t id[IMAGE_BUILD_ID_BYTES]);

#endif
