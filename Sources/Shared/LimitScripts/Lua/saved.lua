-- What the response cache saved, after the sliding window of a scope that used it. From SAVED on: the month, the number
-- of its requests that were served from the cache, and the nano-USD they saved; then the same for the day. These are
-- counted, never limited, and previous periods are not kept. One scope saves less than 2^53 nano-USD (9 million USD) a
-- month.
local SAVED = TOKEN_SLOTS + SLOTS

-- Adds hits and savings to the month and to the day; ignored for a period older than the one counted.
local function add_saved(scope, month, day, hits, nano_month, hits_day, nano_day)
  for i = COUNTERS + 1, SAVED - 1 do scope[i] = scope[i] or 0 end
  for i, addition in ipairs({{month, hits, nano_month}, {day, hits_day, nano_day}}) do
    local at = SAVED + (i - 1) * 3
    if (scope[at] or 0) < addition[1] then scope[at], scope[at + 1], scope[at + 2] = addition[1], 0, 0 end
    if scope[at] == addition[1] then
      scope[at + 1], scope[at + 2] = scope[at + 1] + addition[2], scope[at + 2] + addition[3]
    end
  end
end

-- Counts one response from the cache: its event says what it saved. A caller's text cannot pass for that field, because
-- a quote inside a JSON string is preceded by a backslash.
local function add_saved_event(scope, month, day, event)
  local nano = parse_amount(string.match(event, '"saved":(%d+)') or '0')
  add_saved(scope, month, day, 1, nano, 1, nano)
end

-- Hits and savings of the month (i = 1) or of the day (i = 2); zeros if that period has ended.
local function saved_in(scope, i, period)
  local at = SAVED + (i - 1) * 3
  if scope[at] ~= period then return 0, 0 end
  return scope[at + 1], scope[at + 2]
end
