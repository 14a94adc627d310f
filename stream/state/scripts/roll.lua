-- roll.lua: add a pane to the pane of the next size and delete it, in one step.
-- KEYS[1] the version's pane index, KEYS[2] its meta, then pairs: pane, pane of the next size
-- ARGV    pairs: index member of the pane, index member of the next one
-- A pane that is not in the index any more was rolled before: nothing is done for it.
-- Returns the number of panes rolled.
local index, rolled = KEYS[1], 0
local sequence = redis.call('HINCRBY', KEYS[2], 'sequence', 1)
for i = 1, #ARGV, 2 do
  local from, to = KEYS[i + 2], KEYS[i + 3]
  if redis.call('ZSCORE', index, ARGV[i]) then
    local rows, problem = merged_fields(to, redis.call('HGETALL', from))
    if not rows then return redis.error_reply('STREAMGAUGE roll: ' .. problem) end
    write_fields(to, rows)
    redis.call('DEL', from)
    redis.call('ZREM', index, ARGV[i])
    redis.call('ZADD', index, sequence, ARGV[i + 1])
    rolled = rolled + 1
  end
end
return rolled
