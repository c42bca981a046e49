require "set"
words = {}
100000.times { |i| words["key #{i}"] = i }
20.times { small = {}; 1000.times { |i| small[i] = 1 } }
numbers = Set.new
20000.times { |i| numbers.add(i) }
