#include "rules/place.h"

#include <errno.h>
#include <string.h>

/* No table is this big; and the sum with any address of one stays in range. */
#define OFFSET_LIMIT (1u << 24)

static int digit_of(char character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    if (character >= 'a' && character <= 'f')
        return character - 'a' + 10;
    if (character >= 'A' && character <= 'F')
        return character - 'A' + 10;
    return 16;
}

/* Reads decimal digits, or hexadecimal ones after 0x. strtoull would take signs and blanks. */
static const char *read_number(const char *text, uint64_t *number)
{
    int base = 10;
    const char *digits = text;

    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        digits = text += 2;
    }
    *number = 0;
    for (; digit_of(*text) < base; text++) {
        if (__builtin_mul_overflow(*number, (uint64_t)base, number) ||
            __builtin_add_overflow(*number, (uint64_t)digit_of(*text), number))
            return NULL;
    }
    return text == digits ? NULL : text;
}

int place_parse(const char *text, struct rule_place *place)
{
    struct rule_place result = {.known = true, .size = 8};
    uint64_t number;

    if (strncmp(text, "1<<", 3) == 0) {
        result.power_of_two = true;
        text += 3;
    }
    if (strncmp(text, "table", 5) != 0)
        return -EINVAL;
    text += 5;
    char sign = *text;
    if (sign != '+' && sign != '-')
        return -EINVAL;
    text = read_number(text + 1, &number);
    if (!text || number > OFFSET_LIMIT)
        return -EINVAL;
    result.offset = sign == '-' ? -(int32_t)number : (int32_t)number;
    if (*text == ':') {
        text = read_number(text + 1, &number);
        if (!text || (number != 1 && number != 2 && number != 4 && number != 8))
            return -EINVAL;
        result.size = (uint8_t)number;
    }
    if (*text)
        return -EINVAL;
    *place = result;
    return 0;
}

int size_parse(const char *text, uint64_t *bytes)
{
    static const char suffixes[] = "KMG";
    uint64_t number;

    text = read_number(text, &number);
    if (!text)
        return -EINVAL;
    if (*text) {
        const char *suffix = strchr(suffixes, *text);
        if (!suffix || text[1] ||
            __builtin_mul_overflow(number, (uint64_t)1024 << (10 * (suffix - suffixes)), &number))
            return -EINVAL;
    }
    *bytes = number;
    return 0;
}

int sizes_parse(const char *text, struct rule_sizes *sizes)
{
    struct rule_sizes result = {0};
    const char *rest = read_number(text, &result.step);

    if (rest && *rest == '+') {
        result.base = result.step;
        rest = read_number(rest + 1, &result.step);
    }
    if (!rest || result.step == 0)
        return -EINVAL;
    result.powers = strcmp(rest, "*2^n") == 0;
    if (!result.powers && strcmp(rest, "*n") != 0)
        return -EINVAL;
    *sizes = result;
    return 0;
}
