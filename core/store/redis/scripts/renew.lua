-- Extends a lease, and keeps the preview's id if there is one.
-- KEYS header entries ids work
-- ARGV token turn lease rev preview
-- Answers {'ok'}, {'changed'}, {'stopped'} or the refusal.

local h = load_only('rev', 'stopped')
if not holds(h) then return refused(h) end
extend(h)
if A.preview ~= '' then h.preview = A.preview end
save(h)
-- A committed answer stands, whatever people edit or press afterwards.
if h.state == 'committed' then return {'ok'} end
if h.rev ~= A.rev then return {'changed'} end
return {h.stopped == A.turn and 'stopped' or 'ok'}
