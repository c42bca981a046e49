#define _GNU_SOURCE
#include "index.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "headers.h"
#include "index_text.h"
#include "modules.h"
#include "pages.h"
#include "raw.h"

/* An index larger than this is none of ours. */
#define INDEX_MOST ((off_t)64 << 20)
#define CHILD_STACK ((size_t)64 << 10)
#define RULE_FILES_MOST 32
#define SIGCHLD_BIT ((uint64_t)1 << (SIGCHLD - 1))

static char cache_folder[1024]; /* empty: no cache */
static char indexer[1024];      /* empty: not installed */
static char rule_files[RULE_FILES_MOST][512];
static unsigned rule_file_count;
static uint64_t rules_key;

static void find_cache(void)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char parent[960];

    if (cache && *cache == '/')
        snprintf(parent, sizeof parent, "%s", cache);
    else if (home && *home == '/')
        snprintf(parent, sizeof parent, "%s/.cache", home);
    else
        return;
    snprintf(cache_folder, sizeof cache_folder, "%s/maptrace", parent);
}

/* Beside the library in a build folder, else in lib/maptrace of the prefix. */
static void find_indexer(void)
{
    static const char *const places[] = {"maptrace-index", "maptrace/maptrace-index"};
    Dl_info info;

    if (!dladdr((void *)&find_indexer, &info) || !info.dli_fname)
        return;
    const char *slash = strrchr(info.dli_fname, '/');
    int folder = slash ? (int)(slash - info.dli_fname) : 1;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(indexer, sizeof indexer, "%.*s/%s", folder, slash ? info.dli_fname : ".",
                 places[i]);
        if (raw_call(SYS_access, (long)indexer, X_OK, 0, 0, 0, 0) == 0)
            return;
    }
    *indexer = 0;
}

void index_start(const char *files, uint64_t hash)
{
    rules_key = hash;
    while (files && *files && rule_file_count < RULE_FILES_MOST) {
        size_t length = strcspn(files, ":");

        if (length && length < sizeof *rule_files)
            memcpy(rule_files[rule_file_count++], files, length);
        files += length + (files[length] == ':');
    }
    find_cache();
    find_indexer();
}

static void build_id_text(const struct module *module, char *text)
{
    for (uint32_t i = 0; i < module->build_id_bytes; i++)
        sprintf(text + 2 * i, "%02x", module->build_id[i]);
}

static bool is_readable(const char *path)
{
    return raw_call(SYS_access, (long)path, R_OK, 0, 0, 0, 0) == 0;
}

/* Is the file that .gnu_debuglink names where debuggers look? The indexer checks that it belongs.
 */
static bool has_linked_file(const struct module *module, const struct elf_file *file)
{
    static const char *const places[][2] = {{"", "/"}, {"", "/.debug/"}, {"/usr/lib/debug", "/"}};
    char self[32], folder[512], path[1024];
    size_t bytes = 0;
    const char *name = (const char *)elf_file_section(file, ".gnu_debuglink", &bytes);

    if (!name || !memchr(name, 0, bytes) || !*name || strchr(name, '/'))
        return false;
    /* Folders may be reached by symbolic links; those of debug files are named by the real ones. */
    long fd = raw_open(module->path, O_PATH | O_CLOEXEC, 0);
    if (raw_failed(fd))
        return false;
    snprintf(self, sizeof self, "/proc/self/fd/%d", (int)fd);
    long length = raw_call(SYS_readlink, (long)self, (long)folder, sizeof folder - 1, 0, 0, 0);
    raw_close((int)fd);
    if (raw_failed(length))
        return false;
    folder[length] = 0;
    char *slash = strrchr(folder, '/');
    if (!slash)
        return false;
    *slash = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (snprintf(path, sizeof path, "%s%s%s%s", places[i][0], folder, places[i][1], name) <
                (int)sizeof path &&
            is_readable(path))
            return true;
    return false;
}

static bool worth_asking(const struct module *module, const struct elf_file *file)
{
    char id[80] = "", path[160];

    if (elf_file_has_section(file, ".debug_info") || elf_file_has_section(file, ".zdebug_info") ||
        elf_file_has_section(file, ".gnu_debugdata") || has_linked_file(module, file))
        return true;
    if (!module->build_id_bytes)
        return false;
    build_id_text(module, id);
    snprintf(path, sizeof path, "/usr/lib/debug/.build-id/%.2s/%s.debug", id, id + 2);
    return is_readable(path);
}

/* True if FD held a whole index. */
static bool read_index(struct module *module, int fd, const struct index_sink *sink)
{
    struct stat status;

    if (raw_failed(raw_call(SYS_fstat, fd, (long)&status, 0, 0, 0, 0)) ||
        !S_ISREG(status.st_mode) || status.st_size < 4 || status.st_size > INDEX_MOST)
        return false;
    long mapped = raw_mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (raw_failed(mapped))
        return false;
    bool whole = index_text_read((const char *)mapped, (size_t)status.st_size, module, sink);
    raw_munmap((void *)mapped, (size_t)status.st_size);
    return whole;
}

struct child {
    char *const *arguments;
    int output;
};

/* In the parent's memory, which waits: system calls only. */
static int run_indexer(void *context)
{
    static char *const environment[] = {"MAPTRACE_DISABLE=1", NULL};
    const struct child *child = context;
    uint64_t none = 0;
    long null = raw_open("/dev/null", O_RDWR, 0);

    raw_call(SYS_dup2, null, 0, 0, 0, 0, 0);
    raw_call(SYS_dup2, null, 2, 0, 0, 0, 0);
    raw_call(SYS_dup2, child->output, 1, 0, 0, 0, 0);
    raw_call(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, (long)&none, 0, 8, 0, 0);
    raw_call(SYS_execve, (long)indexer, (long)child->arguments, (long)environment, 0, 0, 0);
    return 127;
}

/* A child that the program never hears of: it is waited for here, and its signal is taken. */
static bool ask(struct module *module, const char *path, const struct index_sink *sink)
{
    char *arguments[2 * RULE_FILES_MOST + 8] = {indexer};
    unsigned count = 1;
    char own_path[64];
    uint64_t all = ~(uint64_t)0, before;
    bool whole = false;

    for (unsigned i = 0; i < rule_file_count; i++) {
        arguments[count++] = "--rules";
        arguments[count++] = rule_files[i];
    }
    if (*cache_folder) {
        arguments[count++] = "--cache";
        arguments[count++] = cache_folder;
    }
    /* The main program's own name for itself, which is the child's in the child. */
    if (strcmp(path, "/proc/self/exe") == 0) {
        snprintf(own_path, sizeof own_path, "/proc/%ld/exe", raw_getpid());
        path = own_path;
    }
    arguments[count++] = (char *)path;
    arguments[count] = NULL;

    long output = raw_call(SYS_memfd_create, (long)"maptrace-index", 0, 0, 0, 0, 0);
    char *stack = raw_failed(output) ? NULL : pages_map(CHILD_STACK);
    if (stack) {
        struct child child = {arguments, (int)output};

        uint64_t pending_before = 0, pending = 0;

        raw_call(SYS_rt_sigprocmask, 0 /* SIG_BLOCK */, (long)&all, (long)&before, 8, 0, 0);
        raw_call(SYS_rt_sigpending, (long)&pending_before, 8, 0, 0, 0, 0);
        long pid =
            raw_clone(CLONE_VM | CLONE_VFORK, stack + CHILD_STACK, NULL, run_indexer, &child);
        if (pid > 0)
            while (raw_call(SYS_wait4, pid, 0, __WALL, 0, 0, 0) == -EINTR)
                ;
        /* exec made it a child that signals its end: the program must not see that. */
        raw_call(SYS_rt_sigpending, (long)&pending, 8, 0, 0, 0, 0);
        if (pending & ~pending_before & SIGCHLD_BIT) {
            const struct timespec at_once = {0, 0};
            uint64_t only = SIGCHLD_BIT;

            raw_call(SYS_rt_sigtimedwait, (long)&only, 0, (long)&at_once, 8, 0, 0);
        }
        raw_call(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, (long)&before, 0, 8, 0, 0);
        whole = read_index(module, (int)output, sink);
        pages_unmap(stack, CHILD_STACK);
    }
    if (!raw_failed(output))
        raw_close((int)output);
    return whole;
}

static void make_cache_folder(void)
{
    char *slash = strrchr(cache_folder, '/');

    if (raw_call(SYS_access, (long)cache_folder, W_OK, 0, 0, 0, 0) == 0)
        return;
    *slash = 0;
    raw_call(SYS_mkdir, (long)cache_folder, 0700, 0, 0, 0, 0);
    *slash = '/';
    if (raw_call(SYS_mkdir, (long)cache_folder, 0700, 0, 0, 0, 0) == 0 ||
        raw_call(SYS_access, (long)cache_folder, W_OK, 0, 0, 0, 0) == 0)
        return;
    *cache_folder = 0;
}

/* What is kept of a file that has no debug information has another name: some may turn up. */
static bool read_kept(struct module *module, const char *kind, const struct index_sink *sink)
{
    char path[sizeof cache_folder + 128], id[80] = "";

    build_id_text(module, id);
    snprintf(path, sizeof path, "%s/%s-%016llx.%s", cache_folder, id, (unsigned long long)rules_key,
             kind);
    long fd = raw_open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
    if (raw_failed(fd))
        return false;
    bool read = read_index(module, (int)fd, sink);
    raw_close((int)fd);
    return read;
}

void index_read(struct module *module, const struct elf_file *file, bool calls,
                const struct index_sink *sink)
{
    static const char missing[] = "maptrace-index is not there to read its debug information";
    static const char failed[] = "maptrace-index failed";
    bool debug = worth_asking(module, file);
    const char *problem = NULL;

    if (!debug && !calls)
        return;
    int kept = errno;
    if (!*indexer) {
        problem = missing;
    } else if (!module->build_id_bytes || !*cache_folder ||
               !read_kept(module, debug ? "index" : "bare", sink)) {
        if (module->build_id_bytes && *cache_folder)
            make_cache_folder();
        if (!ask(module, headers_file(module), sink))
            problem = failed;
    }
    if (problem && debug)
        index_text_note(module, problem, strlen(problem));
    errno = kept;
}
