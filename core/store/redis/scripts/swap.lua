-- Replaces the answer at a position, if it is still as it was read.
-- KEYS header entries
-- ARGV place before after
-- Answers 1 if it was, 0 if not, and -1 if the session is over.

if load_only() == nil then return -1 end
local field = A.place .. '~'
if redis.call('HGET', K.entries, field) ~= A.before then return 0 end
redis.call('HSET', K.entries, field, A.after)
return 1
