-- Entries and answers: a hash with one field per record, `7` for the entry at position 7 and `7~`
-- for the answer behind it; core.store.redis.records describes them. A turn only reads the fields of
-- its window, so its cost grows with the window and not with the log.

-- The fields of the positions [start, stop), and their values.
local function fields_of(start, stop)
  local fields = {}
  for place = start, stop - 1 do
    local field = tostring(place)
    fields[#fields + 1] = field
    fields[#fields + 1] = field .. '~'
  end
  return fields, redis.call('HMGET', K.entries, unpack(fields))
end

-- Calls visit(place, is_answer, json) for the records at [start, stop), until it returns true.
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

-- The status of a message by its letter: addressed, overheard, or gone (deleted).
-- The JSON of every record is a list that begins with such a letter.
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

-- The JSON of a list with more values in front.
local function with(values, json)
  return '[' .. values .. ',' .. string.sub(json, 2)
end

-- An entry with all its values.
local function whole(json)
  local entry = cjson.decode(json)
  entry[ENTRY.stamp] = entry[ENTRY.stamp] or '0'
  entry[ENTRY.answer_in] = entry[ENTRY.answer_in] or ''
  entry[ENTRY.files] = entry[ENTRY.files] or cjson.null
  entry[ENTRY.requeued_from] = entry[ENTRY.requeued_from] or ''
  entry[ENTRY.lost_file] = entry[ENTRY.lost_file] or 0
  entry[ENTRY.quotes] = entry[ENTRY.quotes] or cjson.null
  return entry
end

-- The turn's answer as JSON, as a table, and its position: behind the turn's first message, or behind
-- one that was answered with it. The first answer from there is the turn's, or the turn has none.
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

-- The positions of addressed entries in [start, stop), and the number of overheard ones.
local function answered(start, stop)
  local addressed, overheard = {}, 0
  each(start, stop, function(place, is_answer, json)
    local status = not is_answer and status_of(json)
    if status == 'a' then table.insert(addressed, place) end
    if status == 'o' then overheard = overheard + 1 end
  end)
  return addressed, overheard
end
