/*
 * Loads plugins, lets them grow tables, and unloads them.
 *
 *     plugin_host TURNS PLUGIN...
 *
 * Each turn loads, runs and unloads every plugin; in the last turn each leaks
 * one array. Says where each was loaded, so that a test can tell whether an
 * address was used again.
 */
#include <dlfcn.h>

#include "truth.h"

enum { TABLES = 5, ROUNDS = 4 };

int main(int count, char **arguments)
{
    if (count < 3)
        return 2;
    int turns = atoi(arguments[1]);

    for (int turn = 0; turn < turns; turn++)
        for (int index = 2; index < count; index++) {
            void *plugin = dlopen(arguments[index], RTLD_NOW | RTLD_LOCAL);
            if (!plugin) {
                fprintf(stderr, "%s\n", dlerror());
                return 2;
            }
            void *symbol = dlsym(plugin, "plugin_run");
            void (*run)(int, int, bool);

            memcpy(&run, &symbol, sizeof run);
            run(TABLES, ROUNDS, turn == turns - 1);
            truth_line("{\"is\":\"note\",\"loaded_at\":\"0x%lx\"}",
                       (unsigned long)symbol & ~0xfffUL);
            dlclose(plugin);
        }
    truth_line("{\"is\":\"note\",\"resizes_each\":%d}", turns * TABLES * (ROUNDS - 1));
    return 0;
}
