-- The header: one hash per thread, one field per value. A field that is not stored has its default.
-- Every table costs time in every call, so a header is a table of changes over what was read.

-- The default of each field. `due` 0: there is no work. `turn` empty: no turn is open. See
-- core.store.header for the rest.
local function defaults()
  return CORE.DEFAULTS
end

local kept = defaults()  -- the header as it was read; a header falls back to it
local THREAD = K.header and string.sub(K.header, string.find(K.header, '}h:', 1, true) + 3)

-- Notes a value as it was read; `default` has its type.
local function put(field, value, default)
  if not value then
    value = default
  elseif type(default) == 'number' then
    value = tonumber(value)
  elseif type(default) == 'boolean' then
    value = value == '1'
  end
  kept[field] = value
end

local function living()
  if kept.v > CORE.VERSION then error('CHATBOT_FUTURE ' .. text(kept.v)) end
  if kept.expires > NOW then return setmetatable({}, {__index = kept}) end
  kept = defaults()
  return nil
end

-- Reads the header; nil if there is none, or its session has expired.
local function load()
  local flat = redis.call('HGETALL', K.header)
  if #flat == 0 then return nil end
  for n = 1, #flat, 2 do put(flat[n], flat[n + 1], kept[flat[n]]) end
  return living()
end

local UNREAD = {__index = function(_, field) error('the script did not read ' .. field) end}

-- Reads only these fields of the header, which halves the time of a script that needs no more.
local function load_only(...)
  local fields = {'v', 'expires', 'kept', 'ttl', 'token', 'until', 'due', 'turn', 'state', 'head', ...}
  local values = redis.call('HMGET', K.header, unpack(fields))
  if not values[1] then return nil end
  local default = kept
  kept = setmetatable({}, UNREAD)
  for n = 1, #fields do put(fields[n], values[n], default[fields[n]]) end
  return living()
end

-- Reads the fields that `load_only` has left out.
local function complete()
  if getmetatable(kept) ~= UNREAD then return end
  local default = defaults()
  setmetatable(kept, {__index = default})
  local flat = redis.call('HGETALL', K.header)
  for n = 1, #flat, 2 do
    if rawget(kept, flat[n]) == nil then put(flat[n], flat[n + 1], default[flat[n]]) end
  end
end

local function begin(kind, ttl, reach, rev)
  local h = setmetatable({v = CORE.VERSION}, {__index = kept})
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

-- Makes waiting processes look for work. A wake may get lost; only the index is reliable.
local function wake()
  redis.call('PUBLISH', string.match(K.header, '^(.-){') .. 'wake', THREAD)
end

local function save_work(h)
  if h.due > 0 then
    redis.call('ZADD', K.work, h.due, THREAD)
    if kept.due == 0 then keep(K.work, h.ttl) end
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

-- Keeps the thread's keys alive as long as its session, and up to an hour longer.
local function keep_thread(h)
  local milliseconds = math.max(1, math.ceil((h.kept - NOW) * 1000))
  redis.call('PEXPIRE', K.header, milliseconds)
  redis.call('PEXPIRE', K.entries, milliseconds)
  redis.call('PEXPIRE', K.ids, milliseconds)
end

-- Writes what has changed, and the indexes that depend on it; once per script, at its end.
-- Redis itself writes a number with all its digits.
local function save(h)
  local renewed = h.expires + GRACE - SLACK > h.kept
  if renewed then h.kept = h.expires + GRACE end
  local changed = {}
  for field, value in pairs(h) do
    if value ~= rawget(kept, field) then
      changed[#changed + 1] = field
      changed[#changed + 1] = type(value) == 'boolean' and text(value) or value
    end
  end
  if #changed > 0 then redis.call('HSET', K.header, unpack(changed)) end
  if renewed then keep_thread(h) end
  if h.due ~= kept.due then save_work(h) end
  local buried = rawget(h, 'buried')
  if buried and buried ~= kept.buried then save_buried(h) end
  if h.token == '' and h.due > 0 and h.due <= NOW then wake() end
end
