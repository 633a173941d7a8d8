-- The windows a request is charged in: those its admission named. Of one whose admission a failover lost its record only knows those
-- it began in.
local function named_by(r, to, said)
  if not r or r.begun and to ~= 'C' and said ~= '' then return said end
  return r.periods
end

-- Replaces a request's hold in its scopes, K[first] and on, by what it really cost. `r` is its record; `named` its windows
-- when Redis lost that. `back` is 0, 1 or 2: see settle.
local function account(K, first, r, to, named, cost, tokens, back, event)
  local from, gives_back = r and r.st, to == 'C' or back ~= '0'
  local delta = from == 'R' and cost - r.cost or cost
  -- The unit of the request limits was taken by admit; it is taken here when Redis lost the admission.
  -- A reap leaves it: the worker's word may still be that its caller got nothing.
  local units = (gives_back and -1 or 0) + ((not from or r.begun) and 1 or 0)
  for i = first, #K do
    local month, day = periods_of(named, i - first + 1)
    local s = load(K[i])
    if not r or named ~= r.periods then month, day = believed(s, month, day) end
    if r and r.begun then uncount(s, r, i - first + 1) end
    charge(s, month, day, from == 'O' and -r.hold or 0, delta, units)
    if back == '2' then save_event(s, month, day, event) end
    if from == 'O' then
      s[OPEN] = math.max(0, s[OPEN] - 1)
      ring_add(s, r.bucket, gives_back and back ~= '2' and -1 or 0, (to == 'C' and 0 or tonumber(tokens)) - r.est)
    end
    if from ~= nil or to ~= 'C' then store(K[i], s) end
  end
end

-- What only began is as if it never had: no tombstone stands in the way of what its worker may still say of it. It may live after all,
-- and the admission may have come since, or have been lost by a failover.
local function take_back(K, rid, r)
  if not r or r.st ~= 'O' or not r.begun then return {1, r and r.st or '', ''} end
  for i = 4, #K do
    local s = load(K[i])
    unbegin(s, r, i - 3)
    store(K[i], s)
  end
  redis.call('ZREM', K[2], rid)
  keep(K[1], {st = 'B'}, 1)
  return {0, ''}
end

-- settle: replaces a hold by what the request really cost. One function for every way out:
--   S finished (also after a reap: the difference is charged) · C never reached a provider: everything is given back
--   · R reaped: its worker is gone, charged by what it last reported · B only began, and its worker is gone.
-- KEYS  h:{s}:<rid>  o:{s}  u:{s}  then per scope b
-- ARGV  rid gen to(S|C|R|B) cost tokens event tombstone_ms periods give_back(0|1|2: the unit of the request limits; 2: of
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
  if to == 'B' then return take_back(K, A[1], r) end

  local named, cost = named_by(r, to, A[8]), to == 'C' and 0 or amount(A[4])
  -- Filed before it is counted: what cannot be filed is not counted either, and what is filed twice the ledger takes once.
  local id = to ~= 'C' and redis.call('XADD', K[3], '*', 'id', A[1], 'kind', to == 'R' and 'reaped' or 'final', 'event', A[6])
  account(K, 4, r, to, named, cost, A[5], A[9], A[6])
  redis.call('ZREM', K[2], A[1])
  keep(K[1], {st = to, cost = cost, periods = named, stream = id or nil}, A[7])
  return {0, id or ''}
end

-- count: what append filed in this life is counted now; it stands in the stream already.
-- KEYS  c:{s}  h:{s}:<rid>  o:{s}  then per scope b   ARGV  rid gen cost tokens event tombstone_ms periods give_back: as in settle
--   reaped: what it was charged when it was reaped, where that is known and its record may be gone ('': it was not)
-- Replies: {0} · {1, state} counted already · {3, gen} that life is over
local function count(K, A)
  local gen = redis.call('HGET', beside('c:', K[1]), 'gen')
  if gen ~= A[2] then return {3, gen or ''} end
  local r = record(K[1])
  if r and (r.st == 'S' or r.st == 'C') then return {1, r.st} end
  if not r and A[9] ~= '' then r = {st = 'R', cost = amount(A[9]), periods = A[7]} end
  local named, cost = named_by(r, 'S', A[7]), amount(A[3])
  account(K, 3, r, 'S', named, cost, A[4], A[8], A[5])
  redis.call('ZREM', K[2], A[1])
  keep(K[1], {st = 'S', cost = cost, periods = named}, A[6])
  return {0}
end
