-- Reads a thread without its records.
-- KEYS header people trace
-- ARGV
-- Answers {header, people, trace or false, the trace's milliseconds, now}, or nothing.

if load() == nil then return false end
return {
  redis.call('HGETALL', K.header), redis.call('SMEMBERS', K.people),
  redis.call('GET', K.trace), redis.call('PTTL', K.trace), text(NOW),
}
