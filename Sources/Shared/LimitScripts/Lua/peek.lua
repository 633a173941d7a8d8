-- peek: what `GET /v1/me` shows, by the same rolling rules as admit. Reads only.
-- KEYS  per scope b   ARGV per scope name version
-- Reply {0, now, per scope {month, spent, reserved, requests, day, spent, reserved, requests, open, requests in the
--   minute, tokens in the minute, answers out of the cache this month, what they saved, today, what they saved}} · {2, name, version} stale
local function peek(K, A)
  local scopes = {}
  for i = 1, #K do scopes[i] = {A[i * 2 - 1], tonumber(A[i * 2])} end
  local _, old = stale(K[1], scopes)
  if old then return old end
  local now = now_ms()
  local reply = {0, int(now)}
  for i = 1, #K do
    local s = load(K[i])
    roll(s, now)
    local requests, tokens = turn(s, now)
    local hits_month, saved_month = saved_in(s, 1, s[M])
    local hits_day, saved_day = saved_in(s, 2, s[D])
    reply[2 + i] = {
      int(s[M]), money(s[M + SPENT_HIGH], s[M + SPENT]), int(s[M + RESERVED]), int(s[M + REQUESTS]),
      int(s[D]), money(s[D + SPENT_HIGH], s[D + SPENT]), int(s[D + RESERVED]), int(s[D + REQUESTS]),
      int(s[OPEN]), int(requests), int(tokens), int(hits_month), int(saved_month), int(hits_day), int(saved_day),
    }
  end
  return reply
end

-- find: what became of a request, as long as its record stands. KEYS h:{s}:<rid> u:{s}   ARGV rid name of its key
-- Replies: {state, event} (state as in record(); an event that has left the stream is '') · {'X', the refusal as admit gave it, its items joined by spaces}
--   · {} unknown
local function find(K, A)
  local r = record(K[1])
  if not r then
    local packed = redis.call('GET', refusals_of(K[1], A[2]))
    local list = packed and cmsgpack.unpack(packed) or {}
    for i = 1, #list, 2 do
      if list[i] == A[1] then return {'X', list[i + 1]} end
    end
    return {}
  end
  local entry = r.stream and redis.call('XRANGE', K[2], r.stream, r.stream)[1]
  return {r.st, entry and entry[2][6] or r.event or ''}
end

-- inspect: a scope's counters as they are kept, for people. KEYS b:{s}:<scope>   Reply {name, value, …}
local function inspect(K)
  local s, reply = load(K[1]), {}
  for _, w in ipairs({{M, 'month'}, {D, 'day'}, {QM, 'month_before'}, {QD, 'day_before'}}) do
    local at = w[1]
    for _, pair in ipairs({{'', int(s[at])}, {'_spent', money(s[at + SPENT_HIGH], s[at + SPENT])},
        {'_reserved', int(s[at + RESERVED])}, {'_requests', int(s[at + REQUESTS])}}) do
      reply[#reply + 1] = w[2] .. pair[1]
      reply[#reply + 1] = pair[2]
    end
  end
  reply[#reply + 1] = 'open'
  reply[#reply + 1] = int(s[OPEN])
  return reply
end

redis.register_function('gw2_admit', admit)
redis.register_function('gw2_begin', begin_early)
redis.register_function('gw2_settle', settle)
redis.register_function('gw2_count', controls(count))
redis.register_function('gw2_progress', progress)
redis.register_function('gw2_restore', restore)
redis.register_function('gw2_append', append)
redis.register_function('gw2_reopen', reopen)
redis.register_function('gw2_appended', appended)
redis.register_function('gw2_heartbeat', heartbeat)
redis.register_function('gw2_farewell', farewell)
redis.register_function('gw2_sweep', sweep)
redis.register_function('gw2_raise', raise)
redis.register_function('gw2_put_key', put_key)
redis.register_function('gw2_barrier', controls(barrier))
redis.register_function('gw2_stop', stop)
redis.register_function('gw2_close', controls(close))
redis.register_function('gw2_clear', controls(clear))
redis.register_function('gw2_seed', controls(seed))
redis.register_function('gw2_entomb', controls(entomb))
redis.register_function('gw2_live', live)
redis.register_function('gw2_at_least', controls(at_least))
redis.register_function('gw2_share', share)
redis.register_function{function_name = 'gw2_peek', callback = peek, flags = {'no-writes'}}
redis.register_function{function_name = 'gw2_find', callback = find, flags = {'no-writes'}}
redis.register_function{function_name = 'gw2_pool', callback = pool, flags = {'no-writes'}}
redis.register_function{function_name = 'gw2_inspect', callback = inspect, flags = {'no-writes'}}
