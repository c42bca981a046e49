<?php
// Grows arrays of PHP and prints what is true of each:  table BYTES RESIZES
// zend_hash doubles from eight elements on; an element takes 32 bytes and
// two slots of the index 8.
$tables = [];
foreach ([100000, 5000, 300] as $size) {
    $table = [];
    $capacity = 8;
    $resizes = 0;
    for ($key = 0; $key < $size; $key++) {
        if (count($table) == $capacity) {
            $capacity *= 2;
            $resizes++;
        }
        $table["key $key"] = $key;
    }
    $tables[] = $table;
    unset($table);
    echo "table ", $capacity * 40, " $resizes\n";
}
