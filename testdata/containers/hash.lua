local words = {}
for i = 1, 100000 do words["key " .. i] = i end
for j = 1, 20 do local small = {} for i = 1, 1000 do small["s" .. i] = 1 end end
