#include "indexer/debug_file.h"

#include <limits.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static bool same_build_id(const struct object *a, const struct object *b)
{
    return a->build_id_bytes == b->build_id_bytes &&
           memcmp(a->build_id, b->build_id, a->build_id_bytes) == 0;
}

/* A link can name the very file that it stands in. */
static bool same_file(const struct object *a, const struct object *b)
{
    struct stat left, right;

    return fstat(a->fd, &left) == 0 && fstat(b->fd, &right) == 0 && left.st_dev == right.st_dev &&
           left.st_ino == right.st_ino;
}

static bool open_by_build_id(const struct object *object, const char *folder, struct object *found)
{
    char path[PATH_MAX], hex[2 * BUILD_ID_BYTES + 1];

    if (object->build_id_bytes < 2)
        return false;
    for (size_t i = 0; i < object->build_id_bytes; i++)
        sprintf(hex + 2 * i, "%02x", object->build_id[i]);
    if (snprintf(path, sizeof path, "%s/.build-id/%.2s/%s.debug", folder, hex, hex + 2) >=
            (int)sizeof path ||
        object_open(found, path) < 0)
        return false;
    if (same_build_id(object, found))
        return true;
    object_close(found);
    return false;
}

/* The checksum of .gnu_debuglink is the CRC-32 of zlib and of xz. */
static bool has_checksum(int fd, uint32_t wanted)
{
    struct stat status;
    bool same;

    if (fstat(fd, &status) < 0 || status.st_size == 0)
        return false;
    size_t bytes = (size_t)status.st_size;
    void *image = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (image == MAP_FAILED)
        return false;
    same = lzma_crc32(image, bytes, 0) == wanted;
    munmap(image, bytes);
    return same;
}

static bool open_link(const struct object *object, const char *path, uint32_t checksum,
                      struct object *found)
{
    bool belongs;

    if (object_open(found, path) < 0)
        return false;
    /* Equal build-ids spare reading the whole file. */
    if (object->build_id_bytes && found->build_id_bytes)
        belongs = same_build_id(object, found) && !same_file(object, found);
    else
        belongs = has_checksum(found->fd, checksum);
    if (!belongs)
        object_close(found);
    return belongs;
}

static bool open_by_link(const struct object *object, const char *path, const char *folder,
                         struct object *found)
{
    size_t bytes;
    const uint8_t *link = object_contents(object->elf, ".gnu_debuglink", &bytes);
    size_t name_bytes = link ? strnlen((const char *)link, bytes) : 0;
    size_t checksum_at = (name_bytes + 4) & ~(size_t)3;
    char file[PATH_MAX], whole[PATH_MAX];
    uint32_t checksum;

    /* The name is padded with NULs to a multiple of four. */
    if (name_bytes == 0 || checksum_at + sizeof checksum > bytes || !realpath(path, whole))
        return false;
    const char *name = (const char *)link;
    if (strchr(name, '/'))
        return false;
    memcpy(&checksum, link + checksum_at, sizeof checksum);
    *strrchr(whole, '/') = '\0';
    const struct {
        const char *before, *between;
    } places[] = {{"", "/"}, {"", "/.debug/"}, {folder, "/"}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int length = snprintf(file, sizeof file, "%s%s%s%s", places[i].before, whole,
                              places[i].between, name);
        if (length < (int)sizeof file && open_link(object, file, checksum, found))
            return true;
    }
    return false;
}

bool debug_file_open(const struct object *object, const char *path, const char *folder,
                     struct object *found)
{
    return open_by_build_id(object, folder, found) || open_by_link(object, path, folder, found);
}
