#define _GNU_SOURCE
#include "golang/image.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define GO_NOTE_TYPE 4 /* cmd/internal/buildid: of the note named Go */

static bool inside(const struct image *image, uint64_t offset, uint64_t bytes)
{
    return offset <= image->count && bytes <= image->count - offset;
}

static const Elf64_Ehdr *header_of(const struct image *image)
{
    const Elf64_Ehdr *header = (const void *)image->bytes;

    if (image->count < sizeof *header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != EM_X86_64 ||
        header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phoff % 8 != 0 ||
        !inside(image, header->e_phoff, (uint64_t)header->e_phnum * sizeof(Elf64_Phdr)))
        return NULL;
    return header;
}

static const Elf64_Phdr *segments_of(const struct image *image, unsigned *count)
{
    const Elf64_Ehdr *header = header_of(image);

    *count = header ? header->e_phnum : 0;
    return header ? (const void *)(image->bytes + header->e_phoff) : NULL;
}

static int add_segment(struct image *image, const Elf64_Phdr *segment)
{
    struct memory *memory = &image->memory;
    uint64_t end = segment->p_vaddr + segment->p_filesz;

    if (segment->p_filesz == 0)
        return 0;
    if (!inside(image, segment->p_offset, segment->p_filesz) || end < segment->p_vaddr ||
        (memory->count && memory->mappings[memory->count - 1].high > segment->p_vaddr))
        return -ENOEXEC;
    struct mapping *more = reallocarray(memory->mappings, memory->count + 1, sizeof *more);
    if (!more)
        return -ENOMEM;
    memory->mappings = more;
    more[memory->count++] = (struct mapping){
        .low = segment->p_vaddr,
        .high = end,
        .program = true,
        .readable = true,
        .writable = segment->p_flags & PF_W,
        .executable = segment->p_flags & PF_X,
        .file = true,
        .bytes = image->bytes + segment->p_offset,
    };
    return 0;
}

/* --- relocations --------------------------------------------------------------- */

static void relocate(struct image *image, uint64_t table, uint64_t bytes)
{
    Elf64_Rela entry;

    for (uint64_t at = 0; at + sizeof entry <= bytes; at += sizeof entry) {
        if (!memory_read(&image->memory, table + at, &entry, sizeof entry))
            return;
        const struct mapping *to = memory_at(&image->memory, entry.r_offset);
        if (ELF64_R_TYPE(entry.r_info) == R_X86_64_RELATIVE && to && to->high - entry.r_offset >= 8)
            memcpy(to->bytes + (entry.r_offset - to->low), &entry.r_addend, 8);
    }
}

static void relocate_all(struct image *image, const Elf64_Phdr *dynamic)
{
    uint64_t table = 0, bytes = 0;
    Elf64_Dyn entry;

    for (uint64_t at = 0; at + sizeof entry <= dynamic->p_filesz; at += sizeof entry) {
        if (!memory_read(&image->memory, dynamic->p_vaddr + at, &entry, sizeof entry))
            break;
        if (entry.d_tag == DT_RELA)
            table = entry.d_un.d_ptr;
        else if (entry.d_tag == DT_RELASZ)
            bytes = entry.d_un.d_val;
    }
    relocate(image, table, bytes);
}

/* --- opening -------------------------------------------------------------------- */

static int add_all(struct image *image)
{
    unsigned count;
    const Elf64_Phdr *segments = segments_of(image, &count);
    int error = segments ? 0 : -ENOEXEC;

    for (unsigned i = 0; i < count && !error; i++)
        if (segments[i].p_type == PT_LOAD)
            error = add_segment(image, &segments[i]);
    for (unsigned i = 0; i < count && !error; i++)
        if (segments[i].p_type == PT_DYNAMIC)
            relocate_all(image, &segments[i]);
    return error;
}

int image_open(struct image *image, int fd)
{
    struct stat status;

    *image = (struct image){.memory.fd = -1};
    if (fstat(fd, &status) != 0)
        return -errno;
    if (!S_ISREG(status.st_mode) || status.st_size == 0)
        return -ENOEXEC;
    void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return -errno;
    image->bytes = bytes;
    image->count = (size_t)status.st_size;
    int error = add_all(image);
    if (error)
        image_close(image);
    return error;
}

void image_close(struct image *image)
{
    free(image->memory.mappings);
    if (image->bytes)
        munmap(image->bytes, image->count);
    *image = (struct image){.memory.fd = -1};
}

/* --- notes ----------------------------------------------------------------------- */

struct note {
    const char *name;
    uint32_t type;
    const unsigned char *text;
    size_t bytes;
};

/* The note at *AT, which then stands at the next one. */
static bool next_note(const struct image *image, uint64_t *at, uint64_t end, struct note *note)
{
    Elf64_Nhdr header;

    if (end - *at < sizeof header)
        return false;
    memcpy(&header, image->bytes + *at, sizeof header);
    uint64_t name = *at + sizeof header, text = name + ((header.n_namesz + 3ull) & ~3ull);
    uint64_t next = text + ((header.n_descsz + 3ull) & ~3ull);
    if (header.n_namesz == 0 || next > end || image->bytes[name + header.n_namesz - 1] != 0)
        return false;
    *note = (struct note){(const char *)image->bytes + name, header.n_type, image->bytes + text,
                          header.n_descsz};
    *at = next;
    return true;
}

/* The note of this name and type in all segments of notes. */
static bool find_note(const struct image *image, const char *name, uint32_t type, struct note *note)
{
    unsigned count;
    const Elf64_Phdr *segments = segments_of(image, &count);

    for (unsigned i = 0; i < count; i++) {
        uint64_t at = segments[i].p_offset, end = at + segments[i].p_filesz;
        if (segments[i].p_type != PT_NOTE || !inside(image, at, segments[i].p_filesz))
            continue;
        while (next_note(image, &at, end, note))
            if (note->type == type && strcmp(note->name, name) == 0)
                return true;
    }
    return false;
}

size_t image_build_id(const struct image *image, uint8_t id[IMAGE_BUILD_ID_BYTES])
{
    struct note note;

    if (find_note(image, "GNU", NT_GNU_BUILD_ID, &note)) {
        if (note.bytes > IMAGE_BUILD_ID_BYTES)
            note.bytes = IMAGE_BUILD_ID_BYTES;
    } else if (find_note(image, "Go", GO_NOTE_TYPE, &note)) {
        const unsigned char *last = memrchr(note.text, '/', note.bytes);
        size_t before = last ? (size_t)(last + 1 - note.text) : 0;
        note.text += before;
        note.bytes -= before;
        if (note.bytes > IMAGE_BUILD_ID_BYTES)
            note.bytes = IMAGE_BUILD_ID_BYTES;
    } else {
        return 0;
    }
    memcpy(id, note.text, note.bytes);
    return note.bytes;
}
