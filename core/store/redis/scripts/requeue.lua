-- Puts a buried message in again, at the end of its thread.
-- KEYS header entries ids work buried
-- ARGV place
-- Answers 1, or 0 if no buried message is at the position.

local function take_out(h, place)
  local places = split(h.buried)
  for n, buried in ipairs(places) do
    if buried == place then
      table.remove(places, n)
      h.buried = join(places)
      return true
    end
  end
  return false
end

local function put_in_again(h, entry, again)
  if entry[ENTRY.requeued_from] == '' then entry[ENTRY.requeued_from] = entry[ENTRY.id] end
  entry[ENTRY.id], entry[ENTRY.place], entry[ENTRY.lost_file] = again, h.next, 0
  put_entry(h.next, again, cjson.encode(entry))
  h.next = h.next + 1
  h.waiting = h.waiting + 1
  if h.due == 0 then h.due = NOW end
  touch(h)
end

local h = load()
local place = tonumber(A.place)
local json = h and entry_at(place)
if not json then return 0 end
local entry = whole(json)
local again = entry[ENTRY.id] .. '!'  -- no platform uses it in ids
local done = place_of(again) ~= nil  -- a retry, or it was listed once more since then
if not take_out(h, place) then return done and 1 or 0 end
if not done then put_in_again(h, entry, again) end
save(h)
return 1
