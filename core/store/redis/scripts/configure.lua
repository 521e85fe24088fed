-- Replaces the thread's settings.
-- KEYS header entries ids people work who all ends buried
-- ARGV rev kind ttl settings reach muted
-- Answers 1.

local h = load()
if h == nil then
  remove(false)  -- remains of an expired session
  h = begin(A.kind, tonumber(A.ttl), tonumber(A.reach), A.rev)
end
h.settings, h.settings_reach, h.muted = A.settings, tonumber(A.reach), A.muted == '1'
touch(h)
list(h)
save(h)
return 1
