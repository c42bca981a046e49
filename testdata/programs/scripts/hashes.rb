# Grows hashes of Ruby and prints what is true of each:  table ENTRIES_BYTES RESIZES
# A hash of more than eight entries has an array of 32 entries and one of bins;
# both double, and each doubling of one is a resize.
require "objspace"

ENTRY = 24
tables = [100_000, 5_000, 700].map do |size|
  table = {}
  resizes = 0
  memory = nil
  capacity = nil
  size.times do |key|
    table["key #{key}"] = key
    now = ObjectSpace.memsize_of(table)
    if table.size == 9
      capacity = 32
    elsif capacity && now != memory
      resizes += 2
      capacity *= 2
    end
    memory = now
  end
  puts "table #{capacity * ENTRY} #{resizes}"
  table
end
$stdout.flush
exit! 0
