#include "launcher/go_settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golang/settings.h"

int go_settings_add(struct environment *environment)
{
    /* The last one of a name counts. */
    return environment_prepend(environment, GO_SETTINGS, GO_CLOBBERFREE "1", ',');
}

bool go_settings_clobber(const struct environment *environment)
{
    return go_settings_clobbers(environment_get(environment, GO_SETTINGS));
}

bool go_settings_clobber_of(pid_t pid)
{
    char path[64], *entry = NULL;
    size_t room = 0;
    bool on = false;

    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && getdelim(&entry, &room, 0, file) > 0)
        if (!strncmp(entry, GO_SETTINGS "=", sizeof GO_SETTINGS))
            on = go_settings_clobbers(entry + sizeof GO_SETTINGS);
    free(entry);
    if (file)
        fclose(file);
    return on;
}
