# Grows arrays of Tcl and prints what is true of each:  table BYTES RESIZES
# The bucket array grows fourfold. Debian's Tcl takes what is bigger than 16 KiB
# from malloc and the rest from blocks of its own, so a resize counts from one
# big array to the next.
foreach size {200000 15000} {
    upvar #0 table$size table
    for {set key 0} {$key < $size} {incr key} {
        set "table(key $key)" $key
    }
    regexp {entries in table, (\d+) buckets} [array statistics table] all buckets
    set resizes 0
    for {set old 4096} {$old < $buckets} {set old [expr {$old * 4}]} {
        incr resizes
    }
    puts "table [expr {$buckets * 8}] $resizes"
}
