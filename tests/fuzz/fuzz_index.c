/* maptrace-index on damaged files: an answer, and one that it could keep. */
#define _GNU_SOURCE
#include <libelf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "indexer/index.h"
#include "indexer/rule_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static struct rule_text rules;
    if (!rules.matcher &&
        (elf_version(EV_CURRENT) == EV_NONE || rule_text_load(&rules, NULL, 0) != 0))
        abort();
    char path[64], *text = NULL;
    size_t length = 0;
    int descriptor = memfd_create("object", MFD_CLOEXEC);
    if (descriptor < 0 || write(descriptor, data, bytes) != (ssize_t)bytes)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", descriptor);
    struct report report = {0};
    FILE *out = open_memstream(&text, &length);
    index_file(&report, path, &rules, "/nonexistent");
    report_write(&report, out);
    fclose(out);
    if (length < 4 || strcmp(text + length - 4, "end\n") != 0)
        abort();
    index_release(&report);
    free(text);
    close(descriptor);
    return 0;
}
