/* Which files a rule looks at, and which show that its container is there. */
#include <string.h>

#include "rules/rule.h"

static bool is_named(const struct rule_module *module, const char *path)
{
    const char *slash = strrchr(path, '/');

    return rules_glob(module->text, slash ? slash + 1 : path);
}

bool rules_in_module(const struct rule *rule, const char *path)
{
    bool restricted = false;

    for (const struct rule_module *module = rule->modules; module; module = module->next) {
        if (module->only && is_named(module, path))
            return true;
        restricted |= module->only;
    }
    return !restricted;
}

bool rules_names_module(const struct rule *rule, const char *path)
{
    for (const struct rule_module *module = rule->modules; module; module = module->next)
        if (is_named(module, path))
            return true;
    return false;
}
