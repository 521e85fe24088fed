-- Pins a text, or removes pins; core.store.redis.pins describes how they are kept.
-- KEYS header entries ids people work who all ends buried trace
-- ARGV id pin beside gone at person bytes kind ttl rev
-- Answers 'pinned', 'changed', 'full' or 'gone'. `pin` is empty for a removal; `gone` is a JSON list of
-- ids, and `beside` the ids of the pins that the caller knows of, one a line.

local function remove_pins(h)
  local gone = {}
  for _, id in ipairs(cjson.decode(A.gone)) do gone[id] = true end
  local left = {}
  for _, line in ipairs(pins_of(h)) do
    if not gone[cjson.decode(line)[PIN.id]] then left[#left + 1] = line end
  end
  h.pins = table.concat(left, '\n')
  save(h)
end

-- Why the pin can't be added; nothing if it can.
local function refusal(lines, known)
  local line = redis.call('GET', K.trace)
  if line and line ~= '' and tonumber(A.at) <= tonumber(line) then return 'gone' end
  if table.concat(known, '\n') ~= A.beside then return 'changed' end
  local size = tonumber(A.bytes)
  for _, pin in ipairs(lines) do size = size + #cjson.decode(pin)[PIN.text] end
  if #lines >= CORE.PINS or size > CORE.PINS_BYTES or tonumber(A.bytes) > CORE.PIN_BYTES then return 'full' end
end

local function add(h, lines)
  if redis.call('SADD', K.people, A.person) == 1 then
    redis.call('ZADD', K.who, 0, A.person .. '\0' .. THREAD)
    h.listed = 0  -- these keys may be new
  end
  lines[#lines + 1] = A.pin
  h.pins = table.concat(lines, '\n')
  h.kept = 0  -- the keys may be new
  touch(h)
  list(h)
  save(h)
end

local h = load()
if A.pin == '' then
  if h ~= nil then remove_pins(h) end
  return 'pinned'
end
local lines, known = h and pins_of(h) or {}, {}
for n, line in ipairs(lines) do known[n] = cjson.decode(line)[PIN.id] end
for _, id in ipairs(known) do
  if id == A.id then return 'pinned' end
end
local why = refusal(lines, known)
if why then return why end
if h == nil then
  remove(false)  -- remains of an expired session
  h = begin(A.kind, tonumber(A.ttl), 0, A.rev)
end
add(h, lines)
return 'pinned'
