for {set i 0} {$i < 100000} {incr i} { set words(k$i) $i; dict set map k$i $i }
for {set j 0} {$j < 5} {incr j} { set small {}; for {set i 0} {$i < 20000} {incr i} { dict set small s$i 1 } }
