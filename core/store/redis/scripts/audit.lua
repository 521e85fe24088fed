-- Adds an event to the audit log, in place of one of its name, and removes those that are too old or too many.
-- KEYS audit
-- ARGV name deed limit
-- Answers 1. Members are names and JSON, so they sort by name.

redis.call('ZREMRANGEBYLEX', K.audit, '[' .. A.name .. ' ', '(' .. A.name .. '!')  -- behind a space
redis.call('ZADD', K.audit, 0, A.deed)
redis.call('ZREMRANGEBYLEX', K.audit, '-', '(' .. string.format('%020.6f ', NOW - CORE.AUDIT_SECONDS))
redis.call('ZREMRANGEBYRANK', K.audit, 0, -tonumber(A.limit) - 1)
redis.call('EXPIRE', K.audit, CORE.AUDIT_SECONDS)
return 1
