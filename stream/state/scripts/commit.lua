-- commit.lua: add a worker's delta and move its offsets, in one step.
-- KEYS  every key named in the plan, by its position
-- ARGV[1]  MessagePack plan:
--   owner, known = position of the set of versions,
--   partitions = {{key, id, base, next, clock, {book, amount, …}, {watermark field, value, …},
--                  position of the hash of clocks of its topic}}
--   versions = {{meta, index, {meta field, value, …}, sample, {score, member, …}, bound,
--               {{key, member, number of rows}, …}, name, empty where its label panes change}}
-- ARGV[2…] the rows of all panes in the order of the plan: field, row, field, row, …
-- Returns {1, {sequence of each version}, {number of panes}, {largest sample score}} when done,
-- {2} when it was done before (a retry whose answer was lost), {0, partition} when refused.
local plan = cmsgpack.unpack(ARGV[1])
local done_before = 0
for _, part in ipairs(plan.partitions) do
  local at = redis.call('HMGET', KEYS[part[1]], 'owner', 'offset')
  if at[1] ~= plan.owner then return {0, part[2]} end
  if tonumber(at[2]) == part[4] and part[4] ~= part[3] then
    done_before = done_before + 1
  elseif tonumber(at[2]) ~= part[3] then
    return {0, part[2]}
  end
end
if done_before > 0 then return {2} end

-- Merge first, write after: a row that cannot be merged stops the commit before anything is written.
local merged = {}
local at = 2
for _, version in ipairs(plan.versions) do
  for _, pane in ipairs(version[7]) do
    local fields = {}
    for i = 1, 2 * pane[3] do fields[i] = ARGV[at + i - 1] end
    at = at + 2 * pane[3]
    local rows, problem = merged_fields(KEYS[pane[1]], fields)
    if not rows then return redis.error_reply('STREAMGAUGE commit: ' .. problem) end
    merged[#merged + 1] = rows
  end
end

local sequences, panes, bounds = {}, {}, {}
local written = 0
for v, version in ipairs(plan.versions) do
  local meta, index = KEYS[version[1]], KEYS[version[2]]
  local sequence = next_sequence(meta)
  write_fields(meta, version[3])
  if version[8] ~= '' then redis.call('SADD', KEYS[plan.known], version[8]) end
  for _, pane in ipairs(version[7]) do
    written = written + 1
    write_fields(KEYS[pane[1]], merged[written])
    bound_figures(KEYS[pane[1]], merged[written], EVENT_FIGURES)
    bound_figures(KEYS[pane[1]], merged[written], LABEL_FIGURES)
    redis.call('ZADD', index, sequence, pane[2])
  end
  local bound = false
  if version[4] > 0 then
    local key, rows = KEYS[version[4]], version[5]
    for i = 1, #rows, 2 do redis.call('ZADD', key, rows[i], rows[i + 1]) end
    redis.call('ZREMRANGEBYRANK', key, version[6], -1)
    if redis.call('ZCARD', key) >= version[6] then
      bound = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2]
    end
  end
  sequences[v], panes[v], bounds[v] = sequence, redis.call('ZCARD', index), bound
end
for _, part in ipairs(plan.partitions) do
  local key = KEYS[part[1]]
  redis.call('HSET', key, 'offset', string.format('%.0f', part[4]))
  redis.call('HSET', KEYS[part[8]], part[2], string.format('%.0f', part[5]))
  for i = 1, #part[6], 2 do redis.call('HINCRBY', key, part[6][i], part[6][i + 1]) end
  write_fields(key, part[7])
end
return {1, sequences, panes, bounds}
