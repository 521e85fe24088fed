-- Takes a message in, once, whatever its admission; with a token, claims the thread as well.
-- KEYS header entries ids people work who all ends buried trace seen...
-- ARGV token lease call id author app at again entry admissions kind ttl reach waiting_limit overheard_limit
-- Answers {verdict, new, work or false, muted or not}; admissions are single letters, see core.store.redis.wire.

-- The earlier admission of the message, and whether this call decided it and its reply was lost.
local function known(h, marks)
  for n = 2, #marks do
    local mark = marks[n]
    if mark then return string.sub(mark, 1, 1), string.sub(mark, 2) == A.call end
  end
  -- An event may come under a new identity although its message is stored already.
  local entry = h and entry_at(place_of(A.id))
  return entry and status_of(entry), false
end

-- Whether a message that was overheard is admitted again: its author has edited it, so that it now
-- addresses the bot, and no later edit is stored. `again` is the time of the edit, or 0.
local function is_latest(h)
  local json = h and entry_at(place_of(A.id))
  if not json then return true end
  local stamp = tonumber(cjson.decode(json)[ENTRY.stamp] or '0')
  return status_of(json) == 'o' and tonumber(A.again) >= stamp
end

-- Removes the entry of a message that is admitted again, for its new place or for good.
local function take_out(h)
  local place = h and A.again ~= '0' and place_of(A.id)
  local json = entry_at(place)
  if not json or status_of(json) ~= 'o' then return end
  redis.call('HDEL', K.entries, place)
  redis.call('HDEL', K.ids, A.id)
  if place >= h.head then h.overheard = h.overheard - 1 end
end

local function verdict_for(h, line)
  local first = string.sub(A.admissions, 1, 1)
  if A.admissions == string.rep(first, CORE.STATES) then return first end  -- the same in every state
  local people = redis.call('SCARD', K.people)
  local alone = people == 0
    or (people == 1 and redis.call('SISMEMBER', K.people, A.author) == 1)
  local taking_part = h and h.taking_part
  if h == nil then
    -- After an erase, only the tombstone's line shows that the bot took part.
    alone, taking_part = true, line and line ~= ''
  end
  local index = (taking_part and 1 or 0) + (h and h.muted and 2 or 0) + (alone and 4 or 0)
  return string.sub(A.admissions, index + 1, index + 1)
end

local function drop_oldest_overheard(h)
  local first = true
  each(h.head, h.next, function(place, is_answer, json)
    local status = not is_answer and status_of(json)
    if status == 'a' then first = false end
    if status ~= 'o' then return false end
    redis.call('HDEL', K.entries, place)
    redis.call('HDEL', K.ids, cjson.decode(json)[ENTRY.id])
    h.overheard = h.overheard - 1
    if first then h.head = place + 1 end  -- keeps later searches from `head` short
    return true
  end)
end

local function append(h, verdict)
  if h.next == h.floor then h.kept = 0 end  -- its first entry, so these keys are new
  put_entry(h.next, A.id, with('"' .. verdict .. '",' .. h.next, A.entry))
  h.next = h.next + 1
  if verdict == 'o' then
    h.overheard = h.overheard + 1
    if h.overheard > tonumber(A.overheard_limit) then drop_oldest_overheard(h) end
  else
    h.waiting = h.waiting + 1
    if h.due == 0 then h.due = NOW end
    h.taking_part = true
  end
end

-- A tombstone outlives the session, so that the next session can say that it was renewed.
local function leave_trace(h, line)
  if not line then redis.call('SET', K.trace, '', 'PX', 1) end
  local wanted = math.ceil(2000 * h.ttl)
  if redis.call('PTTL', K.trace) < wanted then redis.call('PEXPIRE', K.trace, text(wanted)) end
end

local function take_in(h, verdict, line)
  h.ttl, h.reach = tonumber(A.ttl), tonumber(A.reach)
  -- A backfill may not have known the kind.
  if h.kind == 'thread' and (A.kind == 'dm' or A.kind == 'group') then h.kind = A.kind end
  local is_person = A.app ~= '1' or verdict ~= 'o'  -- an overheard app is nobody to talk to
  if is_person and redis.call('SADD', K.people, A.author) == 1 then
    redis.call('ZADD', K.who, 0, A.author .. '\0' .. THREAD)
    h.listed = 0  -- these keys may be new
  end
  append(h, verdict)
  touch(h)
  list(h)
  leave_trace(h, line)
end

-- Returns the admission, and the header if there is one now.
local function admit(h, line)
  if line and line ~= '' and tonumber(A.at) <= tonumber(line) then return 'g', h end
  local verdict = verdict_for(h, line)
  if verdict == 'g' then take_out(h) end
  if verdict == 'i' or verdict == 'g' then return verdict, h end
  if h == nil then
    remove(false)  -- remains of an expired session
    h = begin(A.kind, tonumber(A.ttl), tonumber(A.reach), A.call)
    h.renewed = line == ''
  end
  if verdict == 'a' and h.waiting >= tonumber(A.waiting_limit) then
    h.refused = h.refused + 1
    return 'f', h
  end
  take_out(h)
  take_in(h, verdict, line)
  return verdict, h
end

local h = load()
local marks = redis.call('MGET', K.trace, unpack(K.seen))
local verdict, again = known(h, marks)
local new = not verdict or (verdict == 'o' and A.again ~= '0' and is_latest(h))
if new then
  verdict, h = admit(h, marks[1])
  if verdict ~= 'i' then
    for _, key in ipairs(K.seen) do redis.call('SET', key, verdict .. A.call, 'EX', CORE.SEEN_SECONDS) end
  end
end
local oldest = new and h ~= nil and h.waiting == 1 and A.id
local claimed = A.token ~= '' and verdict == 'a' and h ~= nil and claim(h, A.token, oldest)
if h ~= nil and (new or claimed) and verdict ~= 'i' and (verdict ~= 'g' or A.again ~= '0') then save(h) end
return {verdict, text(new or again), claimed and show(h), h ~= nil and h.muted}
