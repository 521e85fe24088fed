-- Erases a thread, or resets it, which keeps the log.
-- KEYS header entries ids people work who all ends buried trace
-- ARGV at keep_log rev
-- Answers 1.

-- Counts the waiting entries from the first one that was sent after the line; returns its position,
-- and whether the open turn answers such an entry.
local function said_later(h)
  local cut, ours = h.next, false
  h.waiting, h.overheard = 0, 0
  each(h.head, h.next, function(place, is_answer, json)
    if is_answer then return false end
    local status, entry = status_of(json), cjson.decode(json)
    if cut == h.next and status ~= 'g' and tonumber(entry[ENTRY.at]) > tonumber(A.at) then
      cut = place
    end
    if cut == h.next then return false end
    if status == 'a' then h.waiting = h.waiting + 1 end
    if status == 'o' then h.overheard = h.overheard + 1 end
    ours = ours or entry[ENTRY.id] == h.turn
    return false
  end)
  return cut, ours
end

-- A reset removes the pins that were made before it, and an erase all of them.
local function drop_pins(h, kept)
  local left = {}
  for _, line in ipairs(kept and pins_of(h) or {}) do
    if tonumber(cjson.decode(line)[PIN.pinned_at]) > tonumber(A.at) then left[#left + 1] = line end
  end
  h.pins = table.concat(left, '\n')
end

local function draw_line(h, kept)
  local cut, ours = h.next, false
  if kept then cut, ours = said_later(h) else h.waiting, h.overheard = 0, 0 end
  h.head, h.covers, h.line, h.seen_from = cut, cut, cut, cut
  h.refused = 0
  drop_pins(h, kept)
  h.summary, h.stale, h.withheld = '', false, false
  h.explained, h.renewed = false, false
  h.rev = A.rev
  if h.turn ~= '' and not ours then h.state = 'void' end
  if h.turn == '' and h.waiting == 0 then h.due = 0 end
end

local function forget(h)
  h.floor = h.next
  h.buried, h.turns = '', 0
  h.input, h.output, h.cache_read, h.cache_write = 0, 0, 0, 0
  h.settings, h.settings_reach, h.muted = '', 0, false
end

local kept = A.keep_log == '1'
local line = redis.call('GET', K.trace)
if not line or line == '' or tonumber(line) < tonumber(A.at) then
  line = A.at
elseif kept then
  return 1  -- a repeat of this reset, or an older one: it would remove what was said since
end
redis.call('SET', K.trace, line, 'EX', CORE.TOMBSTONE_SECONDS)
local h = load()
if h == nil or not kept then remove(h ~= nil and h.turn ~= '') end
if h ~= nil and (kept or h.turn ~= '') then
  if not kept then forget(h) end
  draw_line(h, kept)
  save(h)
end
return 1
