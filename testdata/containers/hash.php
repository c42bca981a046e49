<?php
$words = [];
for ($i = 0; $i < 100000; $i++) $words["key $i"] = $i;
for ($j = 0; $j < 20; $j++) { $small = []; for ($i = 0; $i < 1000; $i++) $small["s$i"] = 1; }
$list = [];
for ($i = 0; $i < 50000; $i++) $list[] = $i;
