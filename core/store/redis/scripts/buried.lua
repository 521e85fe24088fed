-- Reads the messages of a thread whose turns were given up.
-- KEYS header entries
-- ARGV
-- Answers their entries, in the order in which they were given up.

local h = load()
local found = {}
for _, place in ipairs(h and split(h.buried) or {}) do
  table.insert(found, redis.call('HGET', K.entries, text(place)))
end
return '[' .. table.concat(found, ',') .. ']'
