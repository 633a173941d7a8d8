-- What only the control plane calls.

-- Raises a version and never lowers it. KEYS c:{s}   ARGV name version
local function raise(K, A)
  local was = tonumber(redis.call('HGET', K[1], A[1])) or -1
  if was >= tonumber(A[2]) then return {1, int(was)} end
  redis.call('HSET', K[1], A[1], A[2])
  return {0}
end

-- Stores a key record unless a newer one stands there. KEYS k:<digest>   ARGV version record
local function put_key(K, A)
  local was = tonumber(redis.call('HGET', K[1], 'v')) or -1
  if was > tonumber(A[1]) then return {1, int(was)} end
  redis.call('HSET', K[1], 'v', A[1], 'record', A[2])
  return {0}
end

-- Puts a scope's totals back after a total loss. Refused once the shard is open again under this or a later gen.
-- KEYS b:{s}:<scope>   ARGV gen month spent requests day spent requests
local function seed(K, A)
  local gen = tonumber(redis.call('HGET', beside('e:', K[1]), 'gen')) or 0
  if gen >= tonumber(A[1]) then return {3, int(gen)} end
  redis.call('HSET', K[1], 'mp', A[2], 'ms', A[3], 'mn', A[4], 'dp', A[5], 'ds', A[6], 'dn', A[7])
  return {0}
end

-- Opens a shard for the Redis process `run`. KEYS e:{s}   ARGV gen run
local function open_shard(K, A)
  local gen = tonumber(redis.call('HGET', K[1], 'gen')) or 0
  if gen > tonumber(A[1]) then return {3, int(gen)} end
  redis.call('HSET', K[1], 'gen', A[1], 'run', A[2])
  return {0}
end
