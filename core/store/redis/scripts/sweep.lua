-- Removes a thread whose session is over; one that lives on is looked at again when it may end.
-- KEYS header entries ids people work who all ends buried
-- ARGV
-- Answers 1 when it was removed, else 0.

local h = load()
if h == nil then
  remove(false)
  return 1
end
redis.call('ZADD', K.ends, text(h.expires), THREAD)
return 0
