-- What answers out of the cache saved, behind the rolling minute of a scope that had any: at SAVED the month, how many of its
-- requests were answered so and what they saved, then the day likewise. Counted, never limited; the windows before are not
-- kept. One scope saves less than 2^53 nano-USD (9 million USD) a month.
local SAVED = TOKEN_SLOTS + SLOTS

local function save(s, month, day, hits, nano_month, hits_day, nano_day)
  for i = COUNTERS + 1, SAVED - 1 do s[i] = s[i] or 0 end
  for i, one in ipairs({{month, hits, nano_month}, {day, hits_day, nano_day}}) do
    local at = SAVED + (i - 1) * 3
    if (s[at] or 0) < one[1] then s[at], s[at + 1], s[at + 2] = one[1], 0, 0 end
    if s[at] == one[1] then s[at + 1], s[at + 2] = s[at + 1] + one[2], s[at + 2] + one[3] end
  end
end

-- A request that was answered out of the cache: its event says what that saved. Text of callers cannot pass for it, because a
-- quote inside a JSON string has a backslash before it.
local function save_event(s, month, day, event)
  local nano = amount(string.match(event, '"saved":(%d+)') or '0')
  save(s, month, day, 1, nano, 1, nano)
end

-- {requests, nano} of the month or of the day (i = 2), nothing of one that has ended.
local function saved_in(s, i, period)
  local at = SAVED + (i - 1) * 3
  if s[at] ~= period then return 0, 0 end
  return s[at + 1], s[at + 2]
end
