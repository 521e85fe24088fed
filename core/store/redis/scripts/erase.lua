-- Draws a line under the thread, and removes what was said before it unless the log is kept.
-- KEYS header entries ids people work who all ends buried trace
-- ARGV at keep_log rev
-- Answers 1.

local TOMBSTONE = 31536000  -- core.store.keys.TOMBSTONE_SECONDS

local function draw_line(h, kept)
  h.head, h.covers, h.line, h.seen_from = h.next, h.next, h.next, h.next
  h.waiting, h.overheard, h.refused = 0, 0, 0
  h.summary, h.stale, h.withheld = '', false, false
  h.explained, h.renewed = false, false
  h.taking_part = h.taking_part and kept
  h.rev = A.rev
  if h.turn == '' then h.due = 0 else h.state = 'void' end
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
  return 1  -- this reset, heard again, or an older one: it would take what was said since
end
redis.call('SET', K.trace, line, 'EX', TOMBSTONE)
local h = load()
if h == nil or not kept then remove(h ~= nil and h.turn ~= '') end
if h ~= nil and (kept or h.turn ~= '') then
  if not kept then forget(h) end
  draw_line(h, kept)
  save(h)
end
return 1
