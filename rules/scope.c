/* Which files a rule looks at. */
#include <string.h>

#include "rules/rule.h"

bool rules_in_module(const struct rule *rule, const char *path)
{
    const char *slash = strrchr(path, '/');

    for (const struct rule_module *module = rule->modules; module; module = module->next)
        if (rules_glob(module->text, slash ? slash + 1 : path))
            return true;
    return !rule->modules;
}
