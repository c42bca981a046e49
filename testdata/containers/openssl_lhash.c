/* OpenSSL's LHASH: grows and shrinks by realloc. */
#include <openssl/lhash.h>

#include "truth.h"

static unsigned long hash(const void *key)
{
    return *(const unsigned *)key * 2654435761u;
}

static int compare(const void *a, const void *b)
{
    return *(const unsigned *)a != *(const unsigned *)b;
}

int main(void)
{
    static unsigned keys[40000];
    OPENSSL_LHASH *table = OPENSSL_LH_new(hash, compare);

    for (unsigned i = 0; i < 40000; i++) {
        keys[i] = i;
        OPENSSL_LH_insert(table, &keys[i]);
    }
    for (unsigned i = 0; i < 40000; i++)
        OPENSSL_LH_delete(table, &keys[i]);
    /* 16 pointers at first; split one by one at two entries a node, doubled when all are. */
    for (size_t nodes = 16; nodes < 20000; nodes *= 2)
        truth_change(nodes, nodes * 2, nodes == 16 ? 1 : 2); /* up, and down again to 32 */
    truth_print();
    OPENSSL_LH_free(table);
}
