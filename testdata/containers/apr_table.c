/* apr_hash_t: its arrays lie in a pool and stay there until the pool is cleared. */
#include <apr_general.h>
#include <apr_hash.h>

#include "truth.h"

int main(void)
{
    static long keys[40000];
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    apr_hash_t *hash = apr_hash_make(pool);
    for (size_t i = 0, buckets = 15; i < 40000; i++) {
        keys[i] = (long)i;
        apr_hash_set(hash, &keys[i], sizeof keys[i], "value");
        if (i + 1 > buckets) {   /* documented: more entries than buckets doubles them */
            if (buckets >= 1023) /* smaller arrays share a page of the pool */
                truth_change(buckets + 1, buckets * 2 + 2, 1);
            buckets = buckets * 2 + 1;
        }
    }
    truth_print();
    apr_pool_destroy(pool);
    apr_terminate();
}
