-- Writes over stored records, and takes a person out of the thread.
-- KEYS header entries ids people work who buried
-- ARGV person records seen rev
-- Answers 1, or 0 if the revision is no longer `seen`, or a record is an answer that is being delivered.
-- `records` is a list of {field, JSON}.

local h = load()
if h == nil then return 0 end
if h.rev == A.rev then return 1 end  -- a retry
if h.rev ~= A.seen then return 0 end
local changed = cjson.decode(A.records)
local delivered = h.turn ~= '' and h.state == 'committed' and text(h.last) .. '~'
for _, record in ipairs(changed) do
  if record[1] == delivered then return 0 end
end
for _, record in ipairs(changed) do
  if redis.call('HEXISTS', K.entries, record[1]) == 1 then redis.call('HSET', K.entries, unpack(record)) end
end
if A.person ~= '' then
  redis.call('SREM', K.people, A.person)
  redis.call('ZREM', K.who, A.person .. '\0' .. THREAD)
end
if h.covers > h.line then h.summary, h.stale, h.withheld = '', true, true end
h.rev = A.rev
save(h)
return 1
