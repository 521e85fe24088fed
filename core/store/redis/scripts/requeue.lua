-- Lets a buried message wait again, at the end of its thread.
-- KEYS header entries ids work buried
-- ARGV place
-- Answers 1, or 0 when it is no buried one.

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
  entry.r = entry.r or entry.i
  entry.i = again
  entry.p = h.next
  put_entry(h.next, again, to_json(entry))
  h.next = h.next + 1
  h.waiting = h.waiting + 1
  if h.due == 0 then h.due = NOW end
  touch(h)
end

local h = load()
local place = tonumber(A.place)
local entry = h and entry_at(place)
if not entry then return 0 end
local again = entry.i .. '!'  -- no platform has that in its ids
local done = place_of(again) ~= nil  -- a retry, or it was listed once more since then
if not take_out(h, place) then return done and 1 or 0 end
if not done then put_in_again(h, entry, again) end
save(h)
return 1
