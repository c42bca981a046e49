#include "indexer/object.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void read_notes(struct object *object, Elf_Data *data)
{
    size_t at = 0, name_at, text_at;
    GElf_Nhdr note;

    while (data && (at = gelf_getnote(data, at, &note, &name_at, &text_at)) > 0) {
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && note.n_descsz > 0 &&
            note.n_descsz <= BUILD_ID_BYTES &&
            memcmp((char *)data->d_buf + name_at, "GNU", 4) == 0) {
            memcpy(object->build_id, (char *)data->d_buf + text_at, note.n_descsz);
            object->build_id_bytes = note.n_descsz;
        }
    }
}

/* From the program headers, which strip leaves; a debug file may have it in a section alone. */
static void read_build_id(struct object *object)
{
    size_t count = 0;
    GElf_Phdr segment;
    GElf_Shdr header;

    if (elf_getphdrnum(object->elf, &count) < 0)
        count = 0;
    for (size_t i = 0; i < count && !object->build_id_bytes; i++) {
        if (gelf_getphdr(object->elf, (int)i, &segment) && segment.p_type == PT_NOTE)
            read_notes(object, elf_getdata_rawchunk(
                                   object->elf, (int64_t)segment.p_offset, segment.p_filesz,
                                   segment.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR));
    }
    for (Elf_Scn *section = NULL;
         !object->build_id_bytes && (section = elf_nextscn(object->elf, section));) {
        if (gelf_getshdr(section, &header) && header.sh_type == SHT_NOTE)
            read_notes(object, elf_getdata(section, NULL));
    }
}

int object_open(struct object *object, const char *path)
{
    struct stat status;
    GElf_Ehdr header;
    int error;

    memset(object, 0, sizeof *object);
    object->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (object->fd < 0)
        return -errno;
    if (fstat(object->fd, &status) < 0 || !S_ISREG(status.st_mode)) {
        error = -EINVAL;
        goto fail;
    }
    object->elf = elf_begin(object->fd, ELF_C_READ_MMAP, NULL);
    if (!object->elf || elf_kind(object->elf) != ELF_K_ELF || !gelf_getehdr(object->elf, &header) ||
        header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB) {
        error = -ENOEXEC;
        goto fail;
    }
    read_build_id(object);
    return 0;
fail:
    object_close(object);
    return error;
}

void object_close(struct object *object)
{
    if (object->elf)
        elf_end(object->elf);
    if (object->fd >= 0)
        close(object->fd);
    *object = (struct object){.fd = -1};
}

Elf_Scn *object_section(Elf *elf, const char *name)
{
    Elf_Scn *section = NULL;
    GElf_Shdr header;
    size_t names;

    if (elf_getshdrstrndx(elf, &names) < 0)
        return NULL;
    while ((section = elf_nextscn(elf, section))) {
        const char *found = gelf_getshdr(section, &header) && header.sh_type != SHT_NOBITS
                                ? elf_strptr(elf, names, header.sh_name)
                                : NULL;
        if (found && strcmp(found, name) == 0)
            return section;
    }
    return NULL;
}

const uint8_t *object_contents(Elf *elf, const char *name, size_t *bytes)
{
    Elf_Scn *section = object_section(elf, name);
    Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;

    *bytes = data && data->d_buf ? data->d_size : 0;
    return *bytes ? data->d_buf : NULL;
}

bool object_is_code(Elf *elf, uint64_t low, uint64_t high)
{
    size_t count = 0;
    GElf_Phdr segment;

    if (elf_getphdrnum(elf, &count) < 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (gelf_getphdr(elf, (int)i, &segment) && segment.p_type == PT_LOAD &&
            segment.p_flags & PF_X && low >= segment.p_vaddr &&
            high - segment.p_vaddr <= segment.p_memsz)
            return true;
    }
    return false;
}
