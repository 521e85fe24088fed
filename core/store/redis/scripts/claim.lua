-- Takes the lease on a thread that has work and that nobody holds.
-- KEYS header entries ids people work
-- ARGV token lease early
-- Answers the work, or nothing.

local h = load()
if h == nil then
  redis.call('ZREM', K.work, THREAD)  -- the session is over; a sweep does the rest
  return false
end
-- Left for later, and taken before its time.
if A.early == '1' and h.token == '' and h.due > 0 then h.due = math.min(h.due, NOW) end
if not claim(h, A.token) then
  if h.due > 0 then h.due = math.max(h.due, h['until']) end
  save_work(h)  -- should the index ever be wrong, nobody looks here again and again
  return false
end
save(h)
return show(h)
