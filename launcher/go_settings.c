#include "launcher/go_settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VARIABLE "GODEBUG"
#define SETTING "clobberfree="

int go_settings_add(struct environment *environment)
{
    /* The last one of a name counts. */
    return environment_prepend(environment, VARIABLE, SETTING "1", ',');
}

static bool clobbers(const char *settings)
{
    bool on = false;

    for (const char *at = settings; at && (at = strstr(at, SETTING)); at++)
        if (at == settings || at[-1] == ',')
            on = at[sizeof SETTING - 1] == '1';
    return on;
}

bool go_settings_clobber(const struct environment *environment)
{
    return clobbers(environment_get(environment, VARIABLE));
}

bool go_settings_clobber_of(pid_t pid)
{
    char path[64], *entry = NULL;
    size_t room = 0;
    bool on = false;

    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && getdelim(&entry, &room, 0, file) > 0)
        if (!strncmp(entry, VARIABLE "=", sizeof VARIABLE))
            on = clobbers(entry + sizeof VARIABLE);
    free(entry);
    if (file)
        fclose(file);
    return on;
}
