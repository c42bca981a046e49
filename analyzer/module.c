#include "analyzer/module.h"

#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/go_names.h"
#include "analyzer/inlines.h"

#define OTHER_BUILD "another build than the traced one"
#define DEBUG_FOLDER "/usr/lib/debug/.build-id"

struct module {
    Dwfl *session;
    Dwfl_Module *file; /* NULL: none to be believed */
    const char *missing;
    struct inlines *inlines; /* made at the first look */
    struct go_names *go;     /* NULL: no Go program */
};

static char *debuginfo_path = NULL; /* elfutils' own default */

static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .section_address = dwfl_offline_section_address,
    .debuginfo_path = &debuginfo_path,
};

/* Without a build-id on either side, a file is the one that was traced if it is older. */
static bool believe(Dwfl_Module *file, const struct trace_module *traced, const struct stat *status,
                    uint64_t start)
{
    const unsigned char *id;
    GElf_Addr where;
    int bytes = dwfl_module_build_id(file, &id, &where);
    if (traced->build_id_bytes == 0)
        return bytes <= 0 && (uint64_t)status->st_mtim.tv_sec <= start / 1000000000u;
    return bytes > 0 && (uint32_t)bytes == traced->build_id_bytes &&
           memcmp(id, traced->build_id, traced->build_id_bytes) == 0;
}

/*
 * Offers PATH to the session, under a NAME that no earlier try had. Hostile traces name devices and
 * pipes: only regular files are opened.
 */
static void try_file(struct module *module, const char *name, const char *path,
                     const struct trace_module *traced, uint64_t start)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor < 0)
        return;
    struct stat status;
    if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(descriptor);
        return;
    }
    dwfl_report_begin(module->session);
    /* Takes the descriptor if it succeeds. */
    Dwfl_Module *file = dwfl_report_elf(module->session, name, path, descriptor, 0, true);
    if (!file)
        close(descriptor);
    dwfl_report_end(module->session, NULL, NULL);
    if (file && (module->go || believe(file, traced, &status, start))) {
        module->file = file;
        module->missing = NULL;
    } else {
        module->missing = OTHER_BUILD;
    }
}

static void try_debug_folder(struct module *module, const struct trace_module *traced)
{
    char path[sizeof(DEBUG_FOLDER) + 2 * TRACE_BUILD_ID_BYTES + 16];
    int length = snprintf(path, sizeof(path), "%s/%02x/", DEBUG_FOLDER, traced->build_id[0]);
    for (uint32_t i = 1; i < traced->build_id_bytes; i++)
        length +=
            snprintf(path + length, sizeof(path) - (size_t)length, "%02x", traced->build_id[i]);
    snprintf(path + length, sizeof(path) - (size_t)length, ".debug");
    const char *missing = module->missing;
    try_file(module, "debug", path, traced, 0);
    if (!module->file)
        module->missing = missing;
}

/* Asks elfutils for the file by its build-id alone: debuginfod, if it is configured. */
static void try_download(struct module *module, const struct trace_module *traced)
{
    dwfl_report_begin(module->session);
    Dwfl_Module *file = dwfl_report_module(module->session, "download", traced->low - traced->bias,
                                           traced->high - traced->bias);
    if (file && dwfl_module_report_build_id(file, traced->build_id, traced->build_id_bytes, 0) != 0)
        file = NULL;
    dwfl_report_end(module->session, NULL, NULL);
    GElf_Addr bias;
    if (file && dwfl_module_getelf(file, &bias)) {
        module->file = file;
        module->missing = NULL;
    }
}

/*
 * Go programs name themselves, and tell builds apart by an id of their own. What is C in them is
 * named as in other programs.
 */
static void try_go(struct module *module, const struct trace_module *traced, uint64_t start)
{
    bool other;
    module->go = go_names_open(traced, start, &other);
    module->missing = module->go ? NULL : other ? OTHER_BUILD : "the file is not here";
}

struct module *module_open(const struct trace_module *traced, uint64_t start)
{
    struct module *module = calloc(1, sizeof(*module));
    if (!module)
        return NULL;
    if (traced->flags & TRACE_MODULE_GO) {
        try_go(module, traced, start);
        if (!module->go)
            return module;
    }
    module->session = dwfl_begin(&callbacks);
    if (!module->go)
        module->missing = "the file is not here";
    if (!module->session)
        return module;
    if (traced->path[0] == '/' && !traced->path_cut)
        try_file(module, "file", traced->path, traced, start);
    if (!module->file && !module->go && traced->build_id_bytes) {
        try_debug_folder(module, traced);
        const char *servers = getenv("DEBUGINFOD_URLS");
        if (!module->file && servers && *servers && traced->high > traced->low &&
            traced->low >= traced->bias)
            try_download(module, traced);
    }
    return module;
}

void module_close(struct module *module)
{
    if (!module)
        return;
    inlines_free(module->inlines);
    go_names_close(module->go);
    if (module->session)
        dwfl_end(module->session);
    free(module);
}

const char *module_missing(const struct module *module)
{
    return module->missing;
}

/* The symbol that holds ADDRESS: one that merely stands before it would be a guess. */
static const char *symbol_at(Dwfl_Module *file, GElf_Addr address)
{
    GElf_Off offset;
    GElf_Sym symbol;
    const char *name = dwfl_module_addrinfo(file, address, &offset, &symbol, NULL, NULL, NULL);
    return name && *name && offset < symbol.st_size ? name : NULL;
}

void module_look_up(struct module *module, uint64_t address, place_found *found, void *context)
{
    struct place place = {0};
    GElf_Addr bias;
    if (module->go && go_names_at(module->go, address, found, context))
        return;
    if (!module->file || !dwfl_module_getelf(module->file, &bias)) {
        found(context, &place, false);
        return;
    }
    place.symbol = symbol_at(module->file, address + bias);
    if (!module->inlines)
        module->inlines = inlines_new(module->file);
    if (!module->inlines ||
        !inlines_at(module->inlines, address + bias, place.symbol, found, context))
        found(context, &place, false);
}
