-- Takes the lease on a thread that has work and no live lease; without a token, only shows the thread.
-- KEYS header entries ids people work
-- ARGV token lease early
-- Answers the work, or nothing.

local h = load()
if A.token == '' then return h ~= nil and show(h) end
if h == nil then
  redis.call('ZREM', K.work, THREAD)  -- the session has expired; a sweep removes the rest
  return false
end
-- Take work that was delayed before its time.
if A.early == '1' and h.token == '' and h.due > 0 then h.due = math.min(h.due, NOW) end
if not claim(h, A.token) then
  if h.due > 0 then h.due = math.max(h.due, h['until']) end
  save_work(h)  -- corrects the index, should it ever be wrong
  return false
end
save(h)
return show(h)
