/*
 * BIND's isc_ht: two arrays while it rehashes, and only isc_ht_add and
 * isc_ht_delete move buckets on, one each. `move` goes to the end of each
 * resize; `stop` idles for half a second in the middle of one.
 */
#include <isc/ht.h>
#include <isc/mem.h>
#include <string.h>
#include <unistd.h>

#include "truth.h"

int main(int argc, char **argv)
{
    isc_mem_t *memory = NULL;
    isc_ht_t *table = NULL;
    size_t buckets = 8, left = 0;
    int stop = argc > 1 && strcmp(argv[1], "stop") == 0;

    isc_mem_create(&memory);
    isc_ht_init(&table, memory, 3, 0);
    /* Three entries a bucket make it take four times as many buckets. */
    for (unsigned i = 0; i < 60000 && !(stop && buckets == 32768 && left == 5000); i++) {
        if (!left && isc_ht_count(table) >= buckets * 3) {
            if (buckets >= 64) /* smaller arrays are below the rule's `min` */
                truth_change(buckets, buckets * 4, 1);
            left = buckets;
            buckets *= 4;
        }
        if (left)
            left--;
        if (isc_ht_add(table, (unsigned char *)&i, sizeof i, memory) != ISC_R_SUCCESS)
            return 1;
    }
    truth_print();
    fflush(stdout);
    if (stop)
        usleep(500 * 1000);
}
