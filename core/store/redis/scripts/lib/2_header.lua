-- The header: one hash per thread, a field per value. What is not kept is the default.

-- `due` 0: there is no work. `turn` empty: no turn is open. See core.store.header for the rest.
local DEFAULTS = {
  v = VERSION, kind = '', ttl = 0, reach = 0, rev = '',
  started_at = 0, last_at = 0, expires = 0, listed = 0, kept = 0,
  fence = 0, token = '', ['until'] = 0, due = 0, call = '',
  turn = '', state = 'open', tries = 0, preview = '', cuts = '', last = -1, committed_by = '',
  next = 0, head = 0, line = 0, floor = 0, waiting = 0, overheard = 0, refused = 0, buried = '',
  settings = '', settings_reach = 0, muted = false,
  covers = 0, summary = '', stale = false, withheld = false,
  seen_from = 0, explained = false, renewed = false, turns = 0, taking_part = false,
  input = 0, output = 0, cache_read = 0, cache_write = 0,
}

local META = {__index = DEFAULTS}
local PARTIAL = {__index = function(_, field) error('the script did not read ' .. field) end}

local stored = {}  -- the header's values as they were read
local THREAD = K.header and string.match(K.header, '}h:(.*)$')

local function put(h, field, value)
  local default = DEFAULTS[field]
  local kind = type(default)
  if not value then
    value = default
  elseif kind == 'number' then
    value = tonumber(value)
  elseif kind == 'boolean' then
    value = value == '1'
  end
  h[field], stored[field] = value, value
end

local function living(h)
  if h.v > VERSION then error('CHATBOT_FUTURE ' .. text(h.v)) end
  if h.expires > NOW then return h end
  stored = {}
  return nil
end

-- Reads the header; nil when there is none, or when its session is over.
local function load()
  local flat = redis.call('HGETALL', K.header)
  if #flat == 0 then return nil end
  local h = setmetatable({}, META)
  for n = 1, #flat, 2 do put(h, flat[n], flat[n + 1]) end
  return living(h)
end

-- The same, but reads these fields only: half the time of a script that needs no more.
local function load_only(...)
  local fields = {'v', 'expires', 'kept', 'ttl', 'token', 'until', 'due', 'turn', 'state', 'head', ...}
  local values = redis.call('HMGET', K.header, unpack(fields))
  if not values[1] then return nil end
  local h = setmetatable({}, PARTIAL)
  for n = 1, #fields do put(h, fields[n], values[n]) end
  return living(h)
end

-- Reads what `load_only` has left out.
local function complete(h)
  if getmetatable(h) == META then return end
  setmetatable(h, META)
  local flat = redis.call('HGETALL', K.header)
  for n = 1, #flat, 2 do
    if rawget(h, flat[n]) == nil then put(h, flat[n], flat[n + 1]) end
  end
end

local function begin(kind, ttl, reach, rev)
  local h = setmetatable({v = VERSION}, META)
  h.kind, h.ttl, h.reach, h.rev = kind, ttl, reach, rev
  h.started_at, h.last_at = NOW, NOW
  return h
end

local function touch(h)
  h.last_at = NOW
  h.expires = NOW + h.ttl
end

local function extend(h)
  h['until'] = NOW + tonumber(A.lease)
  h.due = h['until']
  touch(h)
end

local function free(h, due)
  h.token, h['until'], h.due = '', 0, due
end

local function is_held(h)
  return h.token ~= '' and h['until'] > NOW
end

local function is_claimable(h)
  return h.due > 0 and h.due <= NOW and not is_held(h)
end

-- Whoever waits looks for work when this comes; it may get lost, only the index is trusted.
local function wake()
  redis.call('PUBLISH', string.match(K.header, '^(.-){') .. 'wake', THREAD)
end

local function save_work(h)
  if h.due > 0 then
    redis.call('ZADD', K.work, h.due, THREAD)
    if (stored.due or 0) == 0 then keep(K.work, h.ttl) end
  else
    redis.call('ZREM', K.work, THREAD)
  end
end

local function save_buried(h)
  if h.buried == '' then
    redis.call('ZREM', K.buried, THREAD)
  else
    redis.call('ZADD', K.buried, 0, THREAD)
    keep(K.buried, h.ttl)
  end
end

-- Lets the thread's keys live as long as its session, and up to an hour longer.
local function keep_thread(h)
  local milliseconds = math.max(1, math.ceil((h.kept - NOW) * 1000))
  redis.call('PEXPIRE', K.header, milliseconds)
  redis.call('PEXPIRE', K.entries, milliseconds)
  redis.call('PEXPIRE', K.ids, milliseconds)
end

-- Writes what has changed, and the indexes that follow from it. Once per script, at its end.
-- Redis itself writes a number with all of its digits.
local function save(h)
  local renewed = h.expires + GRACE - SLACK > h.kept
  if renewed then h.kept = h.expires + GRACE end
  local changed = {}
  for field, value in pairs(h) do
    if value ~= stored[field] then
      changed[#changed + 1] = field
      changed[#changed + 1] = type(value) == 'boolean' and text(value) or value
    end
  end
  if #changed > 0 then redis.call('HSET', K.header, unpack(changed)) end
  if renewed then keep_thread(h) end
  if h.due ~= (stored.due or 0) then save_work(h) end
  local buried = rawget(h, 'buried')
  if buried and buried ~= (stored.buried or '') then save_buried(h) end
  if h.token == '' and h.due > 0 and h.due <= NOW then wake() end
end
