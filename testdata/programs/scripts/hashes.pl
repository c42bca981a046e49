# Grows hashes and prints what is true of each:  table ADDRESS BYTES RESIZES
use strict;
use warnings;
use Hash::Util;
use POSIX ();

my @tables;
for my $size (100000, 5000, 600, 50) {
    my %table;
    my ($buckets, $resizes) = (8, 0); # perl's first array has eight buckets
    for my $key (1 .. $size) {
        $table{"key $key"} = $key;
        my $now = Hash::Util::num_buckets(%table);
        $resizes++ if $now != $buckets;
        $buckets = $now;
    }
    push @tables, \%table;
    printf "table 0x%x %d %d\n", \%table, 8 * $buckets, $resizes;
}
$| = 1;
POSIX::_exit(0);
