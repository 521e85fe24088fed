-- Closes the turn, or leaves it to the next worker.
-- KEYS header entries ids people work all ends buried
-- ARGV token turn lease call outcome posted delay
-- Answers {'free'}, {'void'}, {'work', work} or the refusal. `posted` is a JSON list, or empty.

local function count(h, usage)
  if usage == cjson.null then return end
  for n, field in ipairs({'input', 'output', 'cache_read', 'cache_write'}) do
    h[field] = h[field] + usage[n]
  end
end

local function deliver(h)
  local field = text(h.last) .. '~'
  local answer = redis.call('HGET', K.entries, field)
  if answer then
    count(h, cjson.decode(answer)[ANSWER.usage])
    -- It begins with a letter and the empty list of messages: ["A",[],
    if A.posted ~= '' then answer = string.sub(answer, 1, 5) .. A.posted .. string.sub(answer, 8) end
    redis.call('HSET', K.entries, field, answer)
  end
  h.turns = h.turns + 1
end

-- Returns whether the thread was erased during the turn and nothing came since: nothing is left.
local function is_bare(h)
  return h.line == h.next and h.settings == '' and h.pins == '' and redis.call('SCARD', K.people) == 0
end

local function close(h)
  if h.state == 'committed' then deliver(h) end
  close_turn(h)
  if h.waiting > 0 then
    open_turn(h)
    save(h)
    return {'work', show(h)}
  end
  free(h, 0)
  h.call = A.call
  save(h)
  if is_bare(h) then
    redis.call('UNLINK', K.header, K.entries, K.ids)
    for _, key in ipairs({K.all, K.ends, K.buried}) do redis.call('ZREM', key, THREAD) end
  end
  return {'free'}
end

local LEAVING = {['handed back'] = true, untouched = true, failed = true}

local function leave(h)
  if A.outcome == 'failed' then h.tries = h.tries + 1 end
  if A.outcome == 'untouched' then h.leases = h.leases - 1 end
  free(h, NOW + tonumber(A.delay))
  h.call = A.call
  save(h)
  return {'free'}
end

local function list_undelivered(h)
  local first = place_of(h.turn) or h.last
  bury(h, (answered(first, h.last + 1)))
end

local h = load_only(
  'call', 'tries', 'leases', 'next', 'line', 'last', 'waiting', 'settings', 'pins', 'buried',
  'turns', 'input', 'output', 'cache_read', 'cache_write'
)
if h ~= nil and h.call == A.call then return {'free'} end  -- a retry of this call, whose reply was lost
if not is_holder(h) then return refused(h) end
extend(h)
if h.turn ~= A.turn then  -- a retry: the next turn is already open under this lease
  save(h)
  return {'work', show(h)}
end
local closing = A.outcome == 'done' or A.outcome == 'undelivered'
if closing and h.state == 'void' then
  save(h)
  return {'void'}
end
if LEAVING[A.outcome] then return leave(h) end
if A.outcome == 'undelivered' then list_undelivered(h) end
return close(h)
