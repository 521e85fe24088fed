-- Moves a cursor, never back.
-- KEYS cursor
-- ARGV position
-- Answers where it stands. Platforms' ids have more digits than a Lua number: compared as text.

local stands = redis.call('GET', K.cursor) or '0'
if #A.position > #stands or (#A.position == #stands and A.position > stands) then
  redis.call('SET', K.cursor, A.position)
  return A.position
end
return stands
