#include "analyzer/go_names.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "golang/image.h"
#include "golang/lines.h"

struct go_names {
    struct image image;
    struct go_lines lines;
};

static bool same_build(const struct image *image, int fd, const struct trace_module *traced,
                       uint64_t start)
{
    uint8_t id[IMAGE_BUILD_ID_BYTES];
    size_t bytes = image_build_id(image, id);
    struct stat status;

    if (bytes || traced->build_id_bytes)
        return bytes == traced->build_id_bytes && memcmp(id, traced->build_id, bytes) == 0;
    return fstat(fd, &status) == 0 && (uint64_t)status.st_mtim.tv_sec <= start / 1000000000u;
}

static int read_lines(struct go_names *names)
{
    struct go_program program;
    int error = go_program_find(&names->image.memory, &program);

    return error ? error : go_lines_read(&names->image.memory, &program, &names->lines);
}

struct go_names *go_names_open(const struct trace_module *traced, uint64_t start, bool *other)
{
    struct go_names *names = calloc(1, sizeof(*names));

    *other = false;
    int fd = names && traced->path[0] == '/' && !traced->path_cut
                 ? open(traced->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
                 : -1;
    if (fd < 0 || image_open(&names->image, fd) != 0) {
        if (fd >= 0)
            close(fd);
        free(names);
        return NULL;
    }
    *other = !same_build(&names->image, fd, traced, start);
    close(fd);
    if (*other || read_lines(names) != 0) {
        image_close(&names->image);
        free(names);
        return NULL;
    }
    return names;
}

void go_names_close(struct go_names *names)
{
    if (!names)
        return;
    go_lines_free(&names->lines);
    image_close(&names->image);
    free(names);
}

struct receiver {
    place_found *found;
    void *context;
};

/* As Go's own stacks show it: [...] for the types that a generic function was made for. */
static bool shorten_generic(const char *function, char *to, size_t bytes)
{
    const char *open = strchr(function, '['), *close = strrchr(function, ']');

    return open && close && open < close &&
           (size_t)snprintf(to, bytes, "%.*s[...]%s", (int)(open - function), function, close + 1) <
               bytes;
}

static void found_line(void *context, const char *function, const char *file, unsigned line,
                       bool inlined)
{
    const struct receiver *to = context;
    char short_name[1024];

    if (shorten_generic(function, short_name, sizeof(short_name)))
        function = short_name;
    to->found(to->context, &(struct place){.symbol = function, .file = file, .line = line},
              inlined);
}

bool go_names_at(const struct go_names *names, uint64_t address, place_found *found, void *context)
{
    struct receiver to = {found, context};

    return go_lines_at(&names->lines, address, found_line, &to);
}
