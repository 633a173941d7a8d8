-- peek: what `GET /v1/me` shows, by the same rolling rules as admit. Reads only.
-- KEYS  per scope b w   ARGV per scope name version
-- Reply {0, now, per scope {month period, spent, reserved, requests, day period, spent, reserved, requests, open,
--   requests in the minute, tokens in the minute}} · {2, name} stale version
local function peek(K, A)
  local now, reply = now_ms(), {0}
  reply[2] = int(now)
  for i = 1, #A / 2 do
    local version = tonumber(redis.call('HGET', beside('c:', K[1]), A[i * 2 - 1]))
    if not version or version > tonumber(A[i * 2]) then return {2, A[i * 2 - 1], version and int(version) or ''} end
    local c = counters(K[i * 2 - 1], now)
    local _, requests, tokens = ring(K[i * 2], now)
    reply[2 + i] = {
      int(c.m.period), int(c.m.spent), int(c.m.reserved), int(c.m.requests),
      int(c.d.period), int(c.d.spent), int(c.d.reserved), int(c.d.requests),
      int(c.open), int(requests), int(tokens),
    }
  end
  return reply
end

redis.register_function('gw1_admit', admit)
redis.register_function('gw1_settle', settle)
redis.register_function('gw1_progress', progress)
redis.register_function('gw1_heartbeat', heartbeat)
redis.register_function('gw1_farewell', farewell)
redis.register_function('gw1_sweep', sweep)
redis.register_function('gw1_raise', raise)
redis.register_function('gw1_put_key', put_key)
redis.register_function('gw1_seed', seed)
redis.register_function('gw1_open_shard', open_shard)
redis.register_function{function_name = 'gw1_peek', callback = peek, flags = {'no-writes'}}
