-- Reads the records of the next positions behind `after` that hold any.
-- KEYS header entries
-- ARGV after limit
-- Answers the records in order.

local h = load()
if h == nil then return '[]' end
local limit, places, last = tonumber(A.limit), 0, -1
local found = {}
each(math.max(tonumber(A.after) + 1, h.floor), h.next, function(place, _, json)
  if place ~= last then
    if places == limit then return true end
    places, last = places + 1, place
  end
  found[#found + 1] = json
end)
return '[' .. table.concat(found, ',') .. ']'
