# Grows an associative array of bash and prints what is true:  table BYTES RESIZES
# hashlib grows fourfold at two entries a bucket.
declare -A table
entries=20000
for ((key = 0; key < entries; key++)); do
    table[key $key]=$key
done
buckets=1024 # ASSOC_HASH_BUCKETS
resizes=0
while ((entries > 2 * buckets)); do
    ((buckets *= 4, resizes += 1))
done
echo "table $((buckets * 8)) $resizes"
