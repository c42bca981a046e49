#define _GNU_SOURCE /* strchrnul */
#include "launcher/elf_check.h"

#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LOADER "ld-linux-x86-64.so.2"

enum { SCRIPT_LEVELS = 5 }; /* as many as the kernel follows */

/* What matters of an ELF file. */
struct elf_facts {
    bool other_machine;
    bool go, go_classic;
    bool go_table;   /* its table of functions has a section of its own */
    bool has_soname; /* the loader itself can be called as a program */
    char loader[PATH_MAX];
};

/* True if DATA, in which there is Go's table of functions, has NAME, whose zeros count. */
static bool names(const Elf_Data *data, const char *name, size_t bytes)
{
    return data && data->d_buf && memmem(data->d_buf, data->d_size, name, bytes);
}

static bool names_hash_grow(const Elf_Data *data)
{
    static const char name[] = "\0runtime.hashGrow";

    return names(data, name, sizeof name);
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), rest = strlen(end);

    return length >= rest && !strcmp(text + length - rest, end);
}

static void read_sections(Elf *elf, struct elf_facts *facts)
{
    size_t texts;
    Elf_Scn *section = NULL;

    if (elf_getshdrstrndx(elf, &texts) != 0)
        return;
    while ((section = elf_nextscn(elf, section))) {
        GElf_Shdr header;
        const char *name;

        if (!gelf_getshdr(section, &header) || !(name = elf_strptr(elf, texts, header.sh_name)))
            continue;
        if (!strcmp(name, ".go.buildinfo") || !strcmp(name, ".note.go.buildid"))
            facts->go = true;
        /* Some linkers put .data.rel.ro before it. */
        if (ends_with(name, ".gopclntab")) {
            facts->go = facts->go_table = true;
            facts->go_classic = names_hash_grow(elf_rawdata(section, NULL));
        }
    }
}

/* Without section headers, and where a C linker was at work, the table is among the data. */
static void read_data(Elf *elf, const GElf_Phdr *segment, struct elf_facts *facts)
{
    static const char name[] = "\0runtime.goexit";
    Elf_Data *data =
        elf_getdata_rawchunk(elf, (int64_t)segment->p_offset, segment->p_filesz, ELF_T_BYTE);

    if (segment->p_flags & PF_X || !names(data, name, sizeof name))
        return;
    facts->go = true;
    facts->go_classic = names_hash_grow(data);
}

static void read_dynamic(Elf *elf, const GElf_Phdr *segment, struct elf_facts *facts)
{
    Elf_Data *data =
        elf_getdata_rawchunk(elf, (int64_t)segment->p_offset, segment->p_filesz, ELF_T_DYN);
    GElf_Dyn entry;

    for (int i = 0; data && gelf_getdyn(data, i, &entry) && entry.d_tag != DT_NULL; i++)
        if (entry.d_tag == DT_SONAME)
            facts->has_soname = true;
}

static void read_segments(Elf *elf, int fd, struct elf_facts *facts)
{
    size_t count, sections;
    GElf_Phdr segment;

    if (elf_getphdrnum(elf, &count) != 0 || elf_getshdrnum(elf, &sections) != 0)
        return;
    for (size_t i = 0; i < count && gelf_getphdr(elf, (int)i, &segment); i++) {
        if (segment.p_type == PT_INTERP) {
            size_t bytes = segment.p_filesz < PATH_MAX ? segment.p_filesz : PATH_MAX - 1;
            ssize_t got = pread(fd, facts->loader, bytes, (off_t)segment.p_offset);
            facts->loader[got > 0 ? got : 0] = 0;
        } else if (segment.p_type == PT_DYNAMIC) {
            read_dynamic(elf, &segment, facts);
        } else if (segment.p_type == PT_LOAD && !facts->go_table && (facts->go || sections == 0)) {
            read_data(elf, &segment, facts);
        }
    }
}

/* False if FD is no ELF file. */
static bool read_elf(int fd, struct elf_facts *facts)
{
    GElf_Ehdr header;
    bool is_elf;

    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    is_elf = elf && elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &header);
    if (is_elf) {
        facts->other_machine =
            header.e_machine != EM_X86_64 || header.e_ident[EI_CLASS] != ELFCLASS64;
        read_sections(elf, facts);
        read_segments(elf, fd, facts);
    }
    elf_end(elf);
    return is_elf;
}

static struct elf_verdict judge_elf(const struct elf_facts *facts)
{
    const char *slash = strrchr(facts->loader, '/');
    struct elf_verdict verdict = {.go = facts->go, .go_classic = facts->go_classic};

    if (facts->other_machine) {
        verdict = (struct elf_verdict){"it is not an x86-64 program", .spoils = true};
    } else if (!*facts->loader) {
        if (!facts->has_soname && !facts->go)
            verdict.obstacle = "it is statically linked, so no library can be loaded into it";
    } else if (strstr(facts->loader, "musl")) {
        verdict.obstacle = facts->go ? NULL : "it is linked with musl, and the library needs glibc";
        verdict.spoils = true;
    } else if (strcmp(slash ? slash + 1 : facts->loader, LOADER) != 0) {
        verdict.obstacle = facts->go ? NULL : "it is not loaded by glibc's " LOADER;
        verdict.spoils = true;
    } else {
        verdict.loads = true;
    }
    return verdict;
}

/* Programs that gain privileges ignore LD_PRELOAD. */
static const char *gained_privileges(int fd)
{
    struct stat status;
    struct statvfs mount;

    if (fstat(fd, &status) != 0 || fstatvfs(fd, &mount) != 0 || mount.f_flag & ST_NOSUID)
        return NULL;
    if (status.st_mode & S_ISUID && status.st_uid != getuid())
        return "it is set-user-ID";
    if (status.st_mode & S_ISGID && status.st_mode & S_IXGRP && status.st_gid != getgid())
        return "it is set-group-ID";
    if (getuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0)
        return "it has file capabilities";
    return NULL;
}

/* Puts the interpreter of a `#!` line into PATH, as the kernel reads it. */
static bool read_script(int fd, char *path, size_t bytes)
{
    char line[256];
    ssize_t got = pread(fd, line, sizeof line - 1, 0);

    if (got < 3 || line[0] != '#' || line[1] != '!')
        return false;
    line[got] = 0;
    line[strcspn(line, "\n")] = 0;
    char *name = line + 2 + strspn(line + 2, " \t");
    name[strcspn(name, " \t")] = 0;
    return *name && (size_t)snprintf(path, bytes, "%s", name) < bytes;
}

/* Where execvp() finds COMMAND. */
static bool find_command(const char *command, char *path, size_t bytes)
{
    const char *folders = getenv("PATH");

    if (strchr(command, '/'))
        return (size_t)snprintf(path, bytes, "%s", command) < bytes;
    if (!folders)
        folders = "/bin:/usr/bin";
    while (folders) {
        const char *end = strchrnul(folders, ':');
        int length = (int)(end - folders);
        struct stat status;

        if ((size_t)snprintf(path, bytes, "%.*s%s%s", length, folders, length ? "/" : "", command) <
                bytes &&
            stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0)
            return true;
        folders = *end ? end + 1 : NULL;
    }
    return false;
}

struct elf_verdict elf_check(const char *command)
{
    struct elf_verdict verdict = {0};
    char path[PATH_MAX];

    if (!find_command(command, path, sizeof path))
        return verdict;
    for (int level = 0; level <= SCRIPT_LEVELS; level++) {
        struct elf_facts facts = {0};
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

        if (fd < 0)
            break;
        bool script = read_script(fd, path, sizeof path);
        if (!script && read_elf(fd, &facts)) {
            verdict = judge_elf(&facts);
            if (!verdict.obstacle)
                verdict.obstacle = gained_privileges(fd);
            verdict.go = verdict.go && !verdict.obstacle;
        }
        close(fd);
        if (!script)
            break;
    }
    return verdict;
}
