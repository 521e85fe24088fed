-- Removes a thread whose session has expired; a living one is checked again when it may expire.
-- KEYS header entries ids people work who all ends buried
-- ARGV
-- Answers 1 if it was removed, else 0.

local h = load()
if h == nil then
  remove(false)
  return 1
end
redis.call('ZADD', K.ends, text(h.expires), THREAD)
return 0
