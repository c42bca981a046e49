#include "locators.h"

#include <stddef.h>

#include "pages.h"

#define SITES 2048
#define PROBES 8
/* Uses after which a locator is trusted alone, and failures after which it is dropped. */
#define GOOD_ENOUGH 3
#define BAD_ENOUGH 8
/* How many uses that held make up for one that did not. */
#define GOOD_FOR_BAD 16

static struct locators *sites;

static struct locators *slot(uint64_t site, unsigned probe)
{
    return &sites[(site * 0x9e3779b97f4a7c15u >> 40) % SITES + probe];
}

struct locators *locators_find(uint64_t site)
{
    for (unsigned probe = 0; sites && probe < PROBES; probe++)
        if (slot(site, probe)->site == site)
            return slot(site, probe);
    return NULL;
}

void locators_start(void)
{
    sites = pages_map((SITES + PROBES) * sizeof *sites);
}

static struct locators *make(uint64_t site)
{
    for (unsigned probe = 0; sites && probe < PROBES; probe++)
        if (!slot(site, probe)->site) {
            slot(site, probe)->site = site;
            return slot(site, probe);
        }
    return NULL; /* no room: such sites are searched each time */
}

bool locator_sure(const struct locator *locator)
{
    return locator->good >= GOOD_ENOUGH && locator->bad * GOOD_FOR_BAD <= locator->good;
}

bool locators_sure(const struct locators *locators)
{
    for (unsigned i = 0; locators && i < locators->count; i++)
        if (locator_sure(&locators->all[i]))
            return true;
    return false;
}

static struct locator *find(struct locators *locators, locator_source source, int32_t offset)
{
    for (unsigned i = 0; i < locators->count; i++)
        if (locators->all[i].source == source && locators->all[i].offset == offset)
            return &locators->all[i];
    return NULL;
}

void locators_confirm(uint64_t site, locator_source source, int32_t offset)
{
    struct locators *locators = locators_find(site);

    if (!locators && !(locators = make(site)))
        return;
    struct locator *locator = find(locators, source, offset);
    if (!locator) {
        if (locators->count == LOCATORS_A_SITE)
            return;
        locator = &locators->all[locators->count++];
        *locator = (struct locator){.source = source, .offset = offset};
    }
    if (locator->good < UINT16_MAX)
        locator->good++;
}

void locators_deny(uint64_t site, locator_source source, int32_t offset)
{
    struct locators *locators = locators_find(site);
    struct locator *locator = locators ? find(locators, source, offset) : NULL;

    if (locator && ++locator->bad >= BAD_ENOUGH)
        *locator = locators->all[--locators->count];
}
