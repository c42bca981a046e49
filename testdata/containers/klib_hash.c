/* klib's khash, as htslib ships it: flags, keys and values are three arrays. */
#include <htslib/khash.h>

#include "truth.h"

KHASH_MAP_INIT_INT(number, long)
KHASH_SET_INIT_STR(name)

int main(void)
{
    khash_t(number) *map = kh_init(number);
    khash_t(name) *set = kh_init(name);
    static char names[30000][12];
    int answer;

    for (int i = 0; i < 30000; i++) {
        size_t map_before = kh_n_buckets(map), set_before = kh_n_buckets(set);

        snprintf(names[i], sizeof names[i], "n%d", i);
        khiter_t at = kh_put(number, map, i, &answer);
        kh_value(map, at) = i;
        kh_put(name, set, names[i], &answer);
        truth_change(map_before, kh_n_buckets(map), 3);
        truth_change(set_before, kh_n_buckets(set), 2);
    }
    truth_print();
    kh_destroy(number, map);
    kh_destroy(name, set);
}
