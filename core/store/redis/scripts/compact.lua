-- Replaces the positions [0, to) by a summary, if nothing has moved since it was read.
-- KEYS header entries ids
-- ARGV covers rev to text stale withheld usage
-- Answers 1 if the summary is stored, else 0. `usage` are the tokens that it took, as in the header.

local h = load()
if h == nil then return 0 end
local to, covers = tonumber(A.to), tonumber(A.covers)
local stale, withheld = A.stale == '1', A.withheld == '1'
local stored = h.covers == to and h.summary == A.text
if stored and h.stale == stale and h.withheld == withheld then return 1 end
if h.covers ~= covers or h.rev ~= A.rev or to < covers or to > h.head then return 0 end
h.covers, h.summary, h.stale, h.withheld = to, A.text, stale, withheld
local used = split(A.usage)
h.input, h.output = h.input + used[1], h.output + used[2]
h.cache_read, h.cache_write = h.cache_read + used[3], h.cache_write + used[4]
save(h)
return 1
