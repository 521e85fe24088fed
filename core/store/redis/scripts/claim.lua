-- Takes the lease on a thread that has work and that nobody holds.
-- KEYS header entries ids people work
-- ARGV token lease
-- Answers the work, or nothing.

local h = load()
if h == nil then
  redis.call('ZREM', K.work, THREAD)  -- the session is over; a sweep does the rest
  return false
end
if not claim(h, A.token) then return false end
save(h)
return show(h)
