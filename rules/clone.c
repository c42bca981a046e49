/*
 * Suffixes that compilers and linkers hang on the names of functions which
 * they copy or cut up: the copy is still that function.
 */
#include <string.h>

#include "rules/glob.h"
#include "rules/symbol.h"

static const char *const clone_words[] = {
    "cold",      "part",       "constprop",   "isra",    "ipa",       "lto_priv",
    "llvm",      "localalias", "clone",       "warm",    "hot",       "split",
    "simdclone", "resolver",   "ifunc",       "default", "constisra", "__uniq",
    "__part",    "unlikely",   "specialized", "content", "stkarg",
};

static bool known_word(const char *word, size_t bytes)
{
    for (size_t i = 0; i < sizeof clone_words / sizeof *clone_words; i++) {
        if (strlen(clone_words[i]) == bytes && memcmp(clone_words[i], word, bytes) == 0)
            return true;
    }
    return false;
}

/* Bytes of NAME without ` [clone ...]` at its end, as demanglers write it. */
static size_t without_written_clone(const char *name, size_t bytes)
{
    static const char mark[] = " [clone ";
    size_t at = bytes;

    if (bytes == 0 || name[bytes - 1] != ']')
        return bytes;
    while (at > 0 && name[at] != '[')
        at--;
    if (at < 2 || strncmp(name + at - 1, mark, sizeof mark - 1) != 0)
        return bytes;
    return at - 1;
}

/* Bytes of NAME without one `.word` or `.word.NUMBER` or `.NUMBER` at its end. */
static size_t without_one_suffix(const char *name, size_t bytes)
{
    size_t number = bytes, word;

    while (number > 1 && name[number - 1] >= '0' && name[number - 1] <= '9')
        number--;
    bool numbered = number < bytes && name[number - 1] == '.';
    size_t word_end = numbered ? number - 1 : bytes;

    for (word = word_end; word > 1 && identifier_character(name[word - 1]);)
        word--;
    if (word > 1 && name[word - 1] == '.' && known_word(name + word, word_end - word))
        return word - 1;
    return numbered && number > 1 ? number - 1 : bytes;
}

size_t symbol_stem(const char *name)
{
    const char *version = strchr(name, '@');
    size_t bytes = version && version > name ? (size_t)(version - name) : strlen(name);
    size_t before;

    do {
        before = bytes;
        bytes = without_written_clone(name, bytes);
    } while (bytes < before);
    if (!memchr(name, '.', bytes))
        return bytes;
    do {
        before = bytes;
        bytes = without_one_suffix(name, bytes);
    } while (bytes < before && bytes > 1);
    return bytes;
}
