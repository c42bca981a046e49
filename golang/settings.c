#include "golang/settings.h"

#include <stddef.h>
#include <string.h>

/* The last one of a name counts. */
bool go_settings_clobbers(const char *settings)
{
    bool on = false;

    for (const char *at = settings; at && (at = strstr(at, GO_CLOBBERFREE)); at++)
        if (at == settings || at[-1] == ',')
            on = at[sizeof GO_CLOBBERFREE - 1] == '1';
    return on;
}
