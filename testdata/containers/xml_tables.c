/*
 * libxml2's hash table and its dictionary of names. Both grow when a bucket holds
 * too many entries: the hash table eightfold, from 256 to 16384 buckets, the
 * dictionary sixfold, from 128 to 4608.
 */
#include <libxml/hash.h> /* and the dictionary */
#include <stdio.h>

int main(void)
{
    xmlHashTablePtr tables[] = {xmlHashCreate(256), xmlHashCreate(256)};
    xmlDictPtr names = xmlDictCreate();
    char key[32];

    for (int i = 0; i < 10000; i++)
        for (int which = 0; which < 2; which++) {
            snprintf(key, sizeof key, "key %d", i * (which + 1));
            xmlHashAddEntry(tables[which], (const xmlChar *)key, tables);
            xmlDictLookup(names, (const xmlChar *)key, -1);
        }
    xmlHashFree(tables[0], NULL);
    xmlHashFree(tables[1], NULL);
    xmlDictFree(names);
}
