#include "indexer/report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Writes TEXT as the rest of a line, whatever is in it. */
static void write_line(const char *text, FILE *out)
{
    for (; *text; text++)
        fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, out);
    fputc('\n', out);
}

static void write_build_id(const struct report *report, FILE *out)
{
    for (size_t i = 0; i < report->build_id_bytes; i++)
        fprintf(out, "%02x", report->build_id[i]);
}

static void write_range(const struct range *range, FILE *out)
{
    char name[4096];

    rules_demangle(range->name, name, sizeof name);
    fprintf(out, "range %" PRIx64 " %" PRIx64 " %s %s %s ", range->low, range->high,
            range->rule->name, range_role_names[range->role], range_kind_names[range->kind]);
    write_line(name, out);
}

void report_write(const struct report *report, FILE *out)
{
    fputs("file ", out);
    write_line(report->path, out);
    if (report->error) {
        fputs("error ", out);
        write_line(report->error, out);
    } else {
        if (report->build_id_bytes) {
            fputs("build-id ", out);
            write_build_id(report, out);
            fputc('\n', out);
        }
        if (report->notes)
            fputs(report->notes, out);
        for (size_t i = 0; i < report->ranges.count; i++)
            write_range(&report->ranges.all[i], out);
        if (report->calls)
            fputs(report->calls, out);
    }
    fputs("end\n", out);
}

/* Opens FOLDER if it is a folder of ours that nobody else writes to. */
static int open_folder(const char *folder)
{
    struct stat status;
    int fd;

    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        return -errno;
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &status) == 0 && status.st_uid == geteuid() && !(status.st_mode & 022))
        return fd;
    close(fd);
    return -EPERM;
}

/* The file's text; to be freed. NULL: no memory. */
static char *cache_text(const struct report *report, size_t *bytes)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, bytes);

    if (!out)
        return NULL;
    fputs(REPORT_HEADER, out);
    report_write(report, out);
    bool failed = ferror(out);
    if (fclose(out) || failed) {
        free(text);
        return NULL;
    }
    return text;
}

static char *cache_name(const struct report *report, uint64_t hash, size_t *bytes)
{
    char *name = NULL;
    FILE *out = open_memstream(&name, bytes);

    if (!out)
        return NULL;
    write_build_id(report, out);
    fprintf(out, "-%016" PRIx64 ".%s", hash, report->whole ? "index" : "bare");
    if (fclose(out)) {
        free(name);
        return NULL;
    }
    return name;
}

static int write_file(int folder, const char *name, const char *text, size_t bytes)
{
    char temporary[64];
    int error = 0;

    snprintf(temporary, sizeof temporary, ".%ld.tmp", (long)getpid());
    unlinkat(folder, temporary, 0); /* of a dead process that had our pid */
    int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    while (bytes && !error) {
        ssize_t wrote = write(fd, text, bytes);
        if (wrote < 0) {
            error = errno == EINTR ? 0 : -errno;
            continue;
        }
        text += wrote;
        bytes -= (size_t)wrote;
    }
    if (close(fd) && !error)
        error = -errno;
    if (!error && renameat(folder, temporary, folder, name))
        error = -errno;
    if (error)
        unlinkat(folder, temporary, 0);
    return error;
}

int report_keep(const struct report *report, const char *folder, uint64_t hash)
{
    size_t bytes = 0, name_bytes = 0;

    if (report->error || (!report->whole && !report->call_lines) || !report->build_id_bytes)
        return 0;
    int fd = open_folder(folder);
    if (fd < 0)
        return fd;
    char *text = cache_text(report, &bytes), *name = cache_name(report, hash, &name_bytes);
    int error = text && name ? write_file(fd, name, text, bytes) : -ENOMEM;
    free(text);
    free(name);
    close(fd);
    return error;
}
