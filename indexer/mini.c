#include "indexer/mini.h"

#include <lzma.h>
#include <stdlib.h>

#include "indexer/object.h"

#define IMAGE_LIMIT ((size_t)512 << 20)
#define MEMORY_LIMIT ((uint64_t)512 << 20) /* of the decoder: xz -9 takes 65 MiB */

static char *unpack(const uint8_t *packed, size_t packed_bytes, size_t *bytes)
{
    lzma_stream stream = LZMA_STREAM_INIT;
    size_t room = packed_bytes * 4 + 4096;
    char *image = NULL;
    lzma_ret status;

    if (lzma_stream_decoder(&stream, MEMORY_LIMIT, 0) != LZMA_OK)
        return NULL;
    stream.next_in = packed;
    stream.avail_in = packed_bytes;
    do {
        char *larger = room <= IMAGE_LIMIT ? realloc(image, room) : NULL;
        if (!larger) {
            status = LZMA_MEM_ERROR;
            break;
        }
        image = larger;
        stream.next_out = (uint8_t *)image + stream.total_out;
        stream.avail_out = room - stream.total_out;
        status = lzma_code(&stream, LZMA_FINISH);
        room *= 2;
    } while (status == LZMA_OK);
    *bytes = stream.total_out;
    lzma_end(&stream);
    if (status == LZMA_STREAM_END)
        return image;
    free(image);
    return NULL;
}

Elf *mini_open(Elf *elf, char **image, const char **problem)
{
    size_t packed_bytes, bytes;
    const uint8_t *packed = object_contents(elf, ".gnu_debugdata", &packed_bytes);

    *image = NULL;
    if (!packed)
        return NULL;
    *image = unpack(packed, packed_bytes, &bytes);
    Elf *mini = *image ? elf_memory(*image, bytes) : NULL;
    if (mini && elf_kind(mini) == ELF_K_ELF)
        return mini;
    *problem = ".gnu_debugdata cannot be unpacked";
    if (mini)
        elf_end(mini);
    free(*image);
    *image = NULL;
    return NULL;
}
