-- Grows tables of Lua and prints what is true of each:  table ADDRESS BYTES RESIZES
-- The hash part has a power of two of nodes, 24 bytes each, and begins with one.
local tables = {}
for _, size in ipairs {100000, 5000, 300} do
  local t = {}
  tables[#tables + 1] = t
  local nodes, resizes = 1, 0
  for key = 1, size do
    t["key " .. key] = key
    while key > nodes do
      nodes = nodes * 2
      resizes = resizes + 1
    end
  end
  print(string.format("table %s %d %d", string.format("%p", t), nodes * 24, resizes))
end
io.stdout:flush()
os.exit(0, false)
