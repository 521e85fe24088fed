-- Replaces the positions [0, to) by a summary, if nothing has moved since it was read.
-- KEYS header entries ids
-- ARGV covers rev to text
-- Answers 1 if the summary is stored, else 0.

local h = load()
if h == nil then return 0 end
local to, covers = tonumber(A.to), tonumber(A.covers)
if h.covers == to and h.summary == A.text and not h.stale then return 1 end
if h.covers ~= covers or h.rev ~= A.rev or to < covers or to > h.head then return 0 end
h.covers, h.summary, h.stale, h.withheld = to, A.text, false, false
save(h)
return 1
