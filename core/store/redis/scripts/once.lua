-- Claims a name for the first process that asks for it.
-- KEYS seen...
-- ARGV call
-- Answers 1 to the first call, and to its retry after a lost reply, else 0.

local mark = redis.call('GET', K.seen[1])
if mark then return string.sub(mark, 2) == A.call and 1 or 0 end
redis.call('SET', K.seen[1], 'g' .. A.call, 'EX', CORE.SEEN_SECONDS)
return 1
