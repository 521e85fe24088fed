-- Changes a stored message's text, files and quotes, or deletes it; a deletion is final, whatever its stamp.
-- KEYS header entries ids work buried seen...
-- ARGV id stamp deleted text files quotes pins rev
-- Answers 1 when the message is known, 2 when only pins came from it, else 0.
-- Empty `files` and `quotes` keep them; an edit that leaves no text, file or quote deletes as well.
-- `pins` has what a pin of each kind keeps of the text, by the letter of the kind.

local function forget_place(h, place, status)
  local places = split(h.buried)
  for n = #places, 1, -1 do
    if places[n] == place then table.remove(places, n) end
  end
  h.buried = join(places)
  if place < h.head then return end
  if status == 'a' then h.waiting = h.waiting - 1 end
  if status == 'o' then h.overheard = h.overheard - 1 end
  if h.waiting == 0 and h.turn == '' then h.due = 0 end
end

local function kept_or(before, now)
  if now == '' then return before end
  return cjson.decode(now)
end

-- The files and quotes that an entry has now, and whether nothing is left of it.
local function what_is_left(entry)
  local quotes = kept_or(entry[ENTRY.quotes], A.quotes)
  local empty = A.text == '' and A.files == 'null' and quotes == cjson.null
  if A.deleted == '1' or empty then return cjson.null, cjson.null, true end
  return kept_or(entry[ENTRY.files], A.files), quotes, false
end

-- Returns whether a file is no longer there.
local function loses_file(before, now)
  local left = {}
  for _, file in ipairs(now == cjson.null and {} or now) do left[file[1]] = true end
  for _, file in ipairs(before == cjson.null and {} or before) do
    if not left[file[1]] then return true end
  end
  return false
end

-- What a change leaves of a part of the summary; core.domain.summary explains its form.
local function part_left(part, place, gone)
  local first, last, state, edits, lines = string.match(part, '^(%d+)%-(%d+)([sw]?)([%d,]*)(.*)$')
  if place < tonumber(first) or place >= tonumber(last) or state == 'w' then return part end
  local bounds = first .. '-' .. last
  if lines ~= '' then return bounds .. (gone and 'w' or 's' .. lines) end
  local waiting = split(edits)
  for _, edit in ipairs(waiting) do gone = gone or edit == place end
  if gone or #waiting >= CORE.EDITS_LIMIT then return part end
  table.insert(waiting, place)
  return bounds .. 's' .. join(waiting)
end

-- A summary may repeat what is gone; only what covers it is removed.
local function change_summary(h, place, gone)
  if string.byte(h.summary) ~= 30 then  -- an earlier version has made it
    h.stale = true
    if gone then h.summary, h.withheld = '', true end
    return
  end
  local parts = {}
  for part in string.gmatch(h.summary, '\30([^\30]*)') do
    part = part_left(part, place, gone)
    h.stale = h.stale or string.match(part, '^[%d-]+[sw]') ~= nil
    h.withheld = h.withheld or string.match(part, '^[%d-]+w') ~= nil
    table.insert(parts, '\30' .. part)
  end
  h.summary = table.concat(parts)
end

local function change(h, place, entry)
  local files, quotes, gone = what_is_left(entry)
  -- The answer may repeat what it said.
  local lost = place < h.head and loses_file(entry[ENTRY.files], files)
  if lost then entry[ENTRY.lost_file] = 1 end
  entry[ENTRY.files], entry[ENTRY.quotes] = files, quotes
  if gone then
    forget_place(h, place, entry[ENTRY.status])
    entry[ENTRY.text], entry[ENTRY.status] = '', 'g'
  else
    entry[ENTRY.text] = A.text
  end
  entry[ENTRY.stamp] = A.stamp
  redis.call('HSET', K.entries, place, cjson.encode(entry))
  h.rev = A.rev
  if h.line <= place and place < h.covers then change_summary(h, place, gone or lost) end
end

-- Changes the message, and each copy that the operator requeued; returns whether there is any.
local function change_all(h)
  local id, known = A.id, false
  local place = place_of(id)
  while place do
    local json = entry_at(place)
    local entry = json and whole(json)
    known = known or entry ~= nil
    local newer = entry and (A.deleted == '1' or tonumber(A.stamp) > tonumber(entry[ENTRY.stamp]))
    if newer and status_of(json) ~= 'g' then
      change(h, place, entry)
    end
    id = id .. '!'
    place = place_of(id)
  end
  return known
end

-- Has the pins that came from the message follow its edit or deletion; returns whether any did.
local function amend_pins(h)
  if h.pins == '' then return false end
  local kept, left, changed = cjson.decode(A.pins), {}, false
  for _, line in ipairs(pins_of(h)) do
    local pin = cjson.decode(line)
    local newer = A.deleted == '1' or tonumber(A.stamp) > tonumber(pin[PIN.edited_at])
    if pin[PIN.source] ~= A.id or not newer then
      left[#left + 1] = line
    else
      changed = true
      pin[PIN.text], pin[PIN.edited_at] = kept[pin[PIN.kind]], A.stamp
      if pin[PIN.text] then left[#left + 1] = cjson.encode(pin) end
    end
  end
  h.pins = table.concat(left, '\n')
  return changed
end

local h = load()
local repinned = h ~= nil and amend_pins(h)
local known = h ~= nil and change_all(h)
if known or repinned then save(h) end
if known then return 1 end
local unknown = repinned and 2 or 0
if A.deleted == '1' then
  for _, key in ipairs(K.seen) do redis.call('SET', key, 'g', 'EX', CORE.SEEN_SECONDS) end
end
return unknown
