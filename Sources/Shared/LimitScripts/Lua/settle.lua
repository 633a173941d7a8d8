-- settle: replaces a hold by what the request really cost. One function for every way out:
--   S finished (also after a reap: the difference is charged) · C never reached a provider: everything is given back
--   · R reaped: its worker is gone, charged by what it last reported.
-- KEYS  h:{s}:<rid>  o:{s}  u:{s}  then per scope b
-- ARGV  rid gen to(S|C|R) cost tokens event tombstone_ms periods give_back(0|1|2: the unit of the request limits; 2: of
--   day and month alone, the minute keeps it: an answer out of the cache)
-- `periods` names the windows of a request whose hold Redis lost: it is charged there all the same.
-- Replies: {0, stream id} · {1, state, stream id} already there · {3} fenced (a wiped Redis waits for its totals first)
local function settle(K, A)
  local gen = redis.call('HGET', beside('c:', K[1]), 'gen')
  if gen ~= A[2] then return {3, gen or ''} end
  local r, to = record(K[1]), A[3]
  local from = r and r.st
  if from == 'S' or from == 'C' or (from == 'R' and to ~= 'S') then return {1, from, r.stream or ''} end
  if to == 'R' and from ~= 'O' then return {1, from or '', ''} end

  local named, cost = r and r.periods or A[8], to == 'C' and 0 or amount(A[4])
  local back, delta = to == 'C' or A[9] ~= '0', from == 'R' and cost - r.cost or cost
  -- The unit of the request limits was taken by admit; it is taken here when Redis lost the admission.
  -- A reap leaves it: the worker's word may still be that its caller got nothing.
  local units = (back and -1 or 0) + (from and 0 or 1)
  for i = 1, #K - 3 do
    local month, day = periods_of(named, i)
    local s = load(K[i + 3])
    charge(s, month, day, from == 'O' and -r.hold or 0, delta, units)
    if A[9] == '2' then save_event(s, month, day, A[6]) end
    if from == 'O' then
      s[OPEN] = math.max(0, s[OPEN] - 1)
      ring_add(s, r.bucket, back and A[9] ~= '2' and -1 or 0, (to == 'C' and 0 or tonumber(A[5])) - r.est)
    end
    if from ~= nil or to ~= 'C' then store(K[i + 3], s) end
  end
  redis.call('ZREM', K[2], A[1])
  local id = to ~= 'C' and redis.call('XADD', K[3], '*', 'id', A[1], 'kind', to == 'R' and 'reaped' or 'final', 'event', A[6])
  keep(K[1], {st = to, cost = cost, periods = named, stream = id or nil}, A[7])
  return {0, id or ''}
end
