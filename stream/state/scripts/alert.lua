-- alert.lua: what one report does to the alerts of its series, in one step.
-- KEYS[1] marker: since which start of Redis its alerts are known to be whole   KEYS[2] hash of the series
-- KEYS[3] set of active alerts   KEYS[4] outbox   KEYS[5…] alert hashes and histories, by position
-- ARGV[1] MessagePack plan:
--   sequence = the one the plan was made from, as text
--   keep_s = seconds to live of the series as text, or false
--   set = {field, value, …}, gone = {field, …} of the series
--   shown = {{key, fingerprint, active, seconds to live as text or false, {field, value, …}}, …}; an
--     alert without fields is taken away
--   entries = {entry, …} for the outbox, in order
--   histories = {{key, end, revision, member, oldest, seconds to live}, …}; all text but key, revision
-- Returns 1 when done, 0 when the series changed since it was read (or this was done before: a retry
-- whose answer was lost), -1 when alerts must be read back first: Redis was emptied, or has started
-- again since, when it may have lost the last second.
local plan = cmsgpack.unpack(ARGV[1])
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
if redis.call('GET', KEYS[1]) ~= run then return -1 end
if (redis.call('HGET', KEYS[2], 'sequence') or '0') ~= plan.sequence then return 0 end

redis.call('HINCRBY', KEYS[2], 'sequence', 1)
for i = 1, #plan.set, 2 do redis.call('HSET', KEYS[2], plan.set[i], plan.set[i + 1]) end
for _, field in ipairs(plan.gone) do redis.call('HDEL', KEYS[2], field) end
if plan.keep_s then redis.call('EXPIRE', KEYS[2], plan.keep_s) else redis.call('PERSIST', KEYS[2]) end

for _, shown in ipairs(plan.shown) do
  local key = KEYS[shown[1]]
  redis.call('DEL', key)
  if #shown[5] > 0 then redis.call('HSET', key, unpack(shown[5])) end
  if shown[4] and #shown[5] > 0 then redis.call('EXPIRE', key, shown[4]) end
  redis.call(shown[3] and 'SADD' or 'SREM', KEYS[3], shown[2])
end
for _, entry in ipairs(plan.entries) do redis.call('RPUSH', KEYS[4], entry) end

for _, history in ipairs(plan.histories) do
  local key, at = KEYS[history[1]], history[2]
  local stored = redis.call('ZRANGEBYSCORE', key, at, at)[1]
  local revision = stored and tonumber(string.match(stored, '^%d+ (%d+)')) or -1
  if history[3] >= revision then
    redis.call('ZREMRANGEBYSCORE', key, at, at)
    redis.call('ZADD', key, at, history[4])
    redis.call('ZREMRANGEBYSCORE', key, '-inf', '(' .. history[5])
    redis.call('EXPIRE', key, history[6])
  end
end
return 1
