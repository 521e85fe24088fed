-- Entries and answers: a hash with a field per place, `7` for the entry and `7~` for the answer
-- behind it; see core.store.redis.records for what is in them. A turn reads the fields of its
-- window, so its cost is the window's, not the log's.

-- The fields of [start, stop), and what is in them.
local function fields_of(start, stop)
  local fields = {}
  for place = start, stop - 1 do
    local field = tostring(place)
    fields[#fields + 1] = field
    fields[#fields + 1] = field .. '~'
  end
  return fields, redis.call('HMGET', K.entries, unpack(fields))
end

-- Calls visit(place, is_answer, json) for what is kept at [start, stop), until it says true.
local function each(start, stop, visit)
  for from = start, stop - 1, CHUNK do
    local fields, found = fields_of(from, math.min(from + CHUNK, stop))
    for n = 1, #fields do
      local place = from + math.floor((n - 1) / 2)
      if found[n] and visit(place, n % 2 == 0, found[n]) then return end
    end
  end
end

-- The records of [start, stop), as one JSON list.
local function records(start, stop)
  local kept = {}
  for from = start, stop - 1, CHUNK do
    local fields, found = fields_of(from, math.min(from + CHUNK, stop))
    for n = 1, #fields do
      if found[n] then kept[#kept + 1] = found[n] end
    end
  end
  return '[' .. table.concat(kept, ',') .. ']'
end

-- What a message is, by the letter of its verdict: addressed, overheard, or gone (deleted).
-- Every record's JSON is a list that begins with such a letter.
local function status_of(json)
  return string.sub(json, 3, 3)
end

local function entry_at(place)
  return place and redis.call('HGET', K.entries, place) or nil
end

local function put_entry(place, id, json)
  redis.call('HSET', K.entries, place, json)
  redis.call('HSET', K.ids, id, place)
end

local function place_of(id)
  return tonumber(redis.call('HGET', K.ids, id) or nil)
end

-- A list's JSON with more values in front.
local function with(values, json)
  return '[' .. values .. ',' .. string.sub(json, 2)
end

-- An entry that has all of its values.
local function whole(json)
  local entry = cjson.decode(json)
  entry[ENTRY.stamp] = entry[ENTRY.stamp] or '0'
  entry[ENTRY.answer_in] = entry[ENTRY.answer_in] or ''
  entry[ENTRY.files] = entry[ENTRY.files] or cjson.null
  entry[ENTRY.requeued_from] = entry[ENTRY.requeued_from] or ''
  return entry
end

-- The turn's answer as JSON, as a table, and its place: behind the turn's first message, or behind one that was
-- answered with it. The first answer from there on is the turn's, or the turn has none.
local function answer_of(h, turn)
  local place = place_of(turn)
  if place == nil or place >= h.head then return nil end
  local answer, at
  each(place, h.head, function(where, is_answer, json)
    if is_answer then answer, at = json, where end
    return is_answer
  end)
  local fields = answer and cjson.decode(answer)
  if not fields or fields[ANSWER.turn] ~= turn then return nil end
  return answer, fields, at
end

-- The places of addressed entries in [start, stop), and how many overheard ones there are.
local function answered(start, stop)
  local addressed, overheard = {}, 0
  each(start, stop, function(place, is_answer, json)
    local status = not is_answer and status_of(json)
    if status == 'a' then table.insert(addressed, place) end
    if status == 'o' then overheard = overheard + 1 end
  end)
  return addressed, overheard
end
