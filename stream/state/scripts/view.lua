-- view.lua: write what users read of one window, in one step; counts are not touched.
-- ARGV[1] MessagePack plan:
--   live  = {key, window_end, revision, {field, value, …}, {{key, {field, value, …}}, …}} or false
--   final = {series key, fence key, fence field, revision, now, entries_max, {field, value, …},
--            decisions key, decisions as JSON or false, window_end} or false
-- Positions refer to KEYS. A live view never goes back: an older (window_end, revision) is ignored.
-- Returns 1 where something was written.
local plan = cmsgpack.unpack(ARGV[1])
local wrote = 0

local function replace(key, fields)
  redis.call('DEL', key)
  for first = 1, #fields, 400 do
    redis.call('HSET', key, unpack(fields, first, math.min(first + 399, #fields)))
  end
end

if plan.live then
  local live = plan.live
  local at = redis.call('HMGET', KEYS[live[1]], 'window_end', 'revision')
  local stored_end, stored_revision = tonumber(at[1]) or -1, tonumber(at[2]) or -1
  if live[2] > stored_end or (live[2] == stored_end and live[3] >= stored_revision) then
    replace(KEYS[live[1]], live[4])
    for _, below in ipairs(live[5]) do replace(KEYS[below[1]], below[2]) end
    wrote = 1
  end
end

if plan.final then
  local final = plan.final
  local stored = redis.call('HGET', KEYS[final[2]], final[3])
  local revision = stored and tonumber(string.match(stored, '^%d+')) or -1
  if final[4] > revision then
    redis.call('HSET', KEYS[final[2]], final[3],
      string.format('%.0f %.0f', final[4], final[5]))
    redis.call('XADD', KEYS[final[1]], 'MAXLEN', final[6], '*', unpack(final[7]))
    if final[9] then
      local decided = redis.call('GET', KEYS[final[8]])
      local decided_end = decided and tonumber(string.match(decided, '^%d+')) or -1
      if final[10] >= decided_end then
        redis.call('SET', KEYS[final[8]], string.format('%.0f ', final[10]) .. final[9])
      end
    end
    wrote = 1
  end
end
return wrote
