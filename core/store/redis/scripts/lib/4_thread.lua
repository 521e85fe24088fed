-- A thread: its turn, how a worker sees it, and its removal.

-- Removes a thread; needs the keys of all indexes.
local function remove(keep_header)
  for _, person in ipairs(redis.call('SMEMBERS', K.people)) do
    redis.call('ZREM', K.who, person .. '\0' .. THREAD)
  end
  redis.call('UNLINK', K.entries, K.ids, K.people)
  if keep_header then return end
  redis.call('UNLINK', K.header)
  for _, key in ipairs({K.work, K.all, K.ends, K.buried}) do redis.call('ZREM', key, THREAD) end
end

-- The pins of a thread, one line of JSON each.
local function pins_of(h)
  local lines = {}
  for line in string.gmatch(h.pins, '[^\n]+') do lines[#lines + 1] = line end
  return lines
end

-- Adds the thread to the lists of threads, and keeps the indexes alive as long as it needs them.
-- They get more time than the thread's own keys, so this happens once an hour, not at every turn.
local function list(h)
  if h.expires + GRACE <= h.listed then return end
  h.listed = h.expires + 2 * GRACE
  redis.call('ZADD', K.all, 0, THREAD)
  redis.call('ZADD', K.ends, text(h.expires), THREAD)
  for _, key in ipairs({K.all, K.ends, K.who, K.people}) do keep(key, h.ttl) end
end

-- Opens a turn for the message with this id.
local function open_turn_for(h, id)
  h.turn, h.state, h.tries, h.preview = id, 'open', 1, ''
  h.deaths, h.leases, h.opened_at = 0, 1, NOW
  h.cuts, h.last, h.committed_by = '', -1, ''
end

-- Opens a turn for the oldest waiting message.
local function open_turn(h)
  each(h.head, h.next, function(_, is_answer, json)
    if is_answer or status_of(json) ~= 'a' then return false end
    open_turn_for(h, cjson.decode(json)[ENTRY.id])
    return true
  end)
end

local function close_turn(h)
  h.turn, h.state, h.tries, h.preview = '', 'open', 0, ''
  h.cuts, h.last, h.committed_by = '', -1, ''
end

-- Takes the lease if there is work and no live lease; returns whether the token holds it.
-- `oldest` is the oldest waiting message, if the caller knows it.
local function claim(h, token, oldest)
  if is_held(h) and h.token == token then return true end
  if not is_claimable(h) then return false end
  if h.turn ~= '' then
    if h.token ~= token then  -- a token continues its own lease that ran out, if no other took it
      h.leases = h.leases + 1
      if h.token ~= '' then h.deaths = h.deaths + 1 end
    end
  elseif oldest then
    open_turn_for(h, oldest)
  else
    open_turn(h)
  end
  h.fence = h.fence + 1
  h.token = token
  extend(h)
  return true
end

-- The thread as a worker sees it; core.store.redis.wire reads it in this order.
local function show(h)
  complete()
  local reach = h.settings_reach > 0 and h.settings_reach or h.reach
  local since = math.max(h.covers, h.line, h.head - reach)
  if h.state == 'committed' then since = math.min(since, h.last) end
  local people = math.min(redis.call('SCARD', K.people), CORE.PEOPLE_LIMIT)
  local open = h.turn ~= ''  -- without an open turn, these fields hold values of an earlier one
  return {
    h.rev, h.kind, h.turn, h.state, h.preview, h.committed_by, h.cuts,
    h.summary, h.settings, h.pins,
    h.stale and 1 or 0, h.withheld and 1 or 0, h.explained and 1 or 0, h.renewed and 1 or 0,
    h.fence, h.tries, open and h.deaths or 0, open and h.leases or 1, h.head, h.next, since, h.covers, h.line, h.seen_from,
    h.refused, people, open and text(h.opened_at) or '0', records(since, h.next),
  }
end

-- The token of a free thread is empty, and so is the token of a lease from `peek`.
local function is_holder(h)
  return h ~= nil and h.turn ~= '' and A.token ~= '' and h.token == A.token
end

local function holds(h)
  return is_holder(h) and h.turn == A.turn
end

-- The reply to a lease that the thread no longer has.
local function refused(h)
  if h == nil then return {'refused', '0', '0'} end
  local _, answer = answer_of(h, A.turn)
  if not answer then return {'refused', '0', '0'} end
  return {'refused', '1', text(answer[ANSWER.token] == A.token)}
end

-- Lists positions for the operator, each once.
local function bury(h, places)
  local listed = split(h.buried)
  local known = {}
  for _, place in ipairs(listed) do known[place] = true end
  for _, place in ipairs(places) do
    if not known[place] then table.insert(listed, place) end
  end
  h.buried = join(listed)
end
