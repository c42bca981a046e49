my %words; $words{"key $_"} = $_ for 1 .. 100000;
for my $i (1 .. 20) { my %small; $small{$_} = 1 for 1 .. 1000; }
