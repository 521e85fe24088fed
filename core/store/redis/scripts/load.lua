-- Writes a portion of a thread that comes from another store; the last one makes it exist.
-- KEYS header entries ids people work who all ends buried trace
-- ARGV first records header people trace trace_ms
-- Answers 1. `records` is a list of {place, JSON of the entry, its id, JSON of the answer}; `header`
-- is an object with the last portion and empty before; `trace_ms` is empty without a tombstone.

local UNFINISHED = 86400000  -- milliseconds for which a portion waits for the next one

local function put_records()
  for _, record in ipairs(cjson.decode(A.records)) do
    local place, entry, id, answer = unpack(record)
    if entry ~= '' then put_entry(place, id, entry) end
    if answer ~= '' then redis.call('HSET', K.entries, place .. '~', answer) end
  end
end

local function put_people()
  for _, person in ipairs(cjson.decode(A.people)) do
    redis.call('SADD', K.people, person)
    redis.call('ZADD', K.who, 0, person .. '\0' .. THREAD)
  end
end

local function put_header()
  local h = begin('', 0, 0, '')
  for field, value in pairs(cjson.decode(A.header)) do h[field] = value end
  -- Nothing is left of a thread that was erased during its turn: see `append` in accept.lua.
  if redis.call('EXISTS', K.entries) == 0 then h.floor = h.next end
  list(h)
  save(h)
end

if A.first == '1' then remove(false) end
put_records()
if A.header == '' then
  redis.call('PEXPIRE', K.entries, UNFINISHED)
  redis.call('PEXPIRE', K.ids, UNFINISHED)
  return 1
end
put_people()
if A.trace_ms ~= '' then redis.call('SET', K.trace, A.trace, 'PX', A.trace_ms) end
put_header()
return 1
