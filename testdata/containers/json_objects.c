/*
 * Objects of json-c, whose table says how large it is, or with -DJANSSON those of
 * Jansson: twice as many buckets, from eight on, whenever there are as many members.
 */
#ifdef JANSSON
#include <jansson.h>
#else
#include <json-c/json.h>
#endif

#include "truth.h"

#ifdef JANSSON
typedef json_t object;

static object *make(void)
{
    return json_object();
}

static size_t buckets_of(object *object)
{
    size_t buckets = 8;

    while (buckets < json_object_size(object))
        buckets *= 2;
    return buckets;
}

static void add(object *object, const char *key, int value)
{
    json_object_set_new(object, key, json_integer(value));
}

#define release json_decref
#else
typedef struct json_object object;

static object *make(void)
{
    return json_object_new_object();
}

static size_t buckets_of(object *object)
{
    return (size_t)json_object_get_object(object)->size;
}

static void add(object *object, const char *key, int value)
{
    json_object_object_add(object, key, json_object_new_int(value));
}

#define release json_object_put
#endif

int main(void)
{
    object *objects[] = {make(), make()};
    char key[32];

    for (int i = 0; i < 20000; i++)
        for (int which = 0; which < 2; which++) {
            size_t before = buckets_of(objects[which]);

            snprintf(key, sizeof key, "key %d", i * (which + 1));
            add(objects[which], key, i);
            truth_change(before, buckets_of(objects[which]), 1);
        }
    release(objects[0]);
    release(objects[1]);
    truth_print();
}
