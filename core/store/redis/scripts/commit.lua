-- Records the turn's answer behind the last position that it answers, and moves head.
-- KEYS header entries ids people work buried
-- ARGV token turn lease rev preview last answer kind cuts seen_from refused explain
-- Answers {'committed', when, or what was recorded before}, {'changed', work} or the refusal.
-- `kind` is the letter that `answer` lacks.

local function record(h)
  local last = tonumber(A.last)
  local addressed, overheard = answered(h.head, last + 1)
  local front = string.format('"%s",[],"%.17g"', A.kind, NOW)
  redis.call('HSET', K.entries, A.last .. '~', with(front, A.answer))
  h.state, h.cuts, h.last, h.committed_by = 'committed', A.cuts, last, A.token
  h.tries, h.opened_at = 1, NOW  -- from here on they count the delivery
  h.head = last + 1
  h.waiting = h.waiting - #addressed
  h.overheard = h.overheard - overheard
  h.refused = math.max(0, h.refused - tonumber(A.refused))
  h.seen_from = tonumber(A.seen_from)
  h.explained = h.explained or A.explain == '1'
  h.renewed = false
  if A.kind == 'B' then bury(h, addressed) end
  if A.preview ~= '' then h.preview = A.preview end
end

local h = load_only(
  'rev', 'committed_by', 'waiting', 'overheard', 'refused', 'explained', 'buried'
)
if not holds(h) then return refused(h) end
extend(h)
local done = h.state == 'committed' and h.committed_by == A.token
local stands = h.state == 'open' and h.rev == A.rev
if stands then record(h) end
save(h)
if stands then return {'committed', text(NOW)} end
if done then  -- a retry
  return {'committed', redis.call('HGET', K.entries, redis.call('HGET', K.header, 'last') .. '~')}
end
return {'changed', show(h)}
