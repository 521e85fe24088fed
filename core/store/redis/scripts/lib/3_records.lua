-- Entries and answers: a hash with a field per place, `7` for the entry and `7~` for the answer
-- behind it. A turn reads the fields of its window, so its cost is the window's, not the log's.

-- Calls visit(place, is_answer, json) for what is kept at [start, stop), until it says true.
local function each(start, stop, visit)
  for from = start, stop - 1, CHUNK do
    local fields = {}
    for place = from, math.min(from + CHUNK, stop) - 1 do
      table.insert(fields, text(place))
      table.insert(fields, text(place) .. '~')
    end
    local found = redis.call('HMGET', K.entries, unpack(fields))
    for n = 1, #fields do
      local place = from + math.floor((n - 1) / 2)
      if found[n] and visit(place, n % 2 == 0, found[n]) then return end
    end
  end
end

-- The records of [start, stop) as they are sent: an answer with a `~` before it.
local function records(start, stop)
  local found = {}
  each(start, stop, function(_, is_answer, json)
    table.insert(found, is_answer and '~' .. json or json)
  end)
  return found
end

-- An entry's status is left out of its text where it is the usual one.
local function status_of(entry)
  return entry.status or 'addressed'
end

local function entry_at(place)
  local json = place and redis.call('HGET', K.entries, text(place))
  return json and cjson.decode(json) or nil
end

local function put_entry(place, id, json)
  redis.call('HSET', K.entries, text(place), json)
  redis.call('HSET', K.ids, id, text(place))
end

local function place_of(id)
  return tonumber(redis.call('HGET', K.ids, id) or nil)
end

-- An object's JSON with more fields in front.
local function with(fields, json)
  return '{' .. fields .. ',' .. string.sub(json, 2)
end

-- An entry as JSON again. cjson keeps only 14 digits of a number, too few for a time.
local function to_json(entry)
  local times = string.format('"at":%.17g', entry.at)
  if entry.stamp then times = times .. string.format(',"stamp":%.17g', entry.stamp) end
  entry.at, entry.stamp = nil, nil
  return with(times, cjson.encode(entry))
end

-- The turn's answer and its place: behind the turn's first message, or behind one that was
-- answered with it. The first answer from there on is the turn's, or the turn has none.
local function answer_of(h, turn)
  local place = place_of(turn)
  if place == nil or place >= h.head then return nil end
  local answer, at
  each(place, h.head, function(where, is_answer, json)
    if is_answer then answer, at = json, where end
    return is_answer
  end)
  if answer == nil or cjson.decode(answer).turn ~= turn then return nil end
  return answer, at
end

-- The places of addressed entries in [start, stop), and how many overheard ones there are.
local function answered(start, stop)
  local addressed, overheard = {}, 0
  each(start, stop, function(place, is_answer, json)
    local status = not is_answer and status_of(cjson.decode(json))
    if status == 'addressed' then table.insert(addressed, place) end
    if status == 'overheard' then overheard = overheard + 1 end
  end)
  return addressed, overheard
end
