-- Extends a lease, and keeps the preview's id when one is given.
-- KEYS header entries ids work
-- ARGV token turn lease rev preview
-- Answers {'ok'}, {'changed'} or the refusal.

local h = load_only('rev')
if not holds(h) then return refused(h) end
extend(h)
if A.preview ~= '' then h.preview = A.preview end
save(h)
-- A committed answer stands, whatever is edited afterwards.
return {(h.rev ~= A.rev and h.state ~= 'committed') and 'changed' or 'ok'}
