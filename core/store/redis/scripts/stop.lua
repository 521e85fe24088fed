-- Asks the holder of a turn to end it with what it has.
-- KEYS header entries ids work
-- ARGV turn
-- Answers 1 if the turn is open, else 0.

local h = load_only('stopped')
if h == nil or h.turn == '' or h.turn ~= A.turn or h.state ~= 'open' then return 0 end
h.stopped = A.turn
save(h)
return 1
