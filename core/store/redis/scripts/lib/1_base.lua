-- The beginning of every script: the time, and numbers as text.
-- `K` (keys by name) and `A` (arguments by name) are made from the first lines of the script, and
-- core.store.redis.scripts replaces `CORE.NAME`, `ENTRY.name`, `ANSWER.name` and `PIN.name` by their values.

local GRACE = 3600  -- seconds by which a thread's keys outlive its session, so that a sweep knows its people
local SLACK = 60  -- seconds of that hour that may be lost, so that not every script renews it
local CHUNK = 100  -- places read at once: unpack() takes only so many values

-- The server's clock is the only one that counts.
local clock = redis.call('TIME')
local NOW = tonumber(clock[1]) + tonumber(clock[2]) / 1000000

-- A value as Redis stores it. A number needs 17 digits to lose no precision.
local function text(value)
  if value == true then return '1' end
  if value == false then return '0' end
  if type(value) == 'number' then return string.format('%.17g', value) end
  return value
end

-- Lists of numbers are kept as "3,5,8".
local function split(list)
  local numbers = {}
  for number in string.gmatch(list, '%d+') do table.insert(numbers, tonumber(number)) end
  return numbers
end

local function join(numbers)
  local parts = {}
  for n, number in ipairs(numbers) do parts[n] = text(number) end
  return table.concat(parts, ',')
end

-- Keeps an index alive at least an hour longer than the keys of a thread with this time to live.
-- It gets two hours, so that not every turn has to renew it.
local function keep(key, ttl)
  local left = redis.call('PTTL', key)
  if left ~= -2 and left < (ttl + 2 * GRACE) * 1000 then
    redis.call('PEXPIRE', key, text(math.ceil((ttl + 3 * GRACE) * 1000)))
  end
end
