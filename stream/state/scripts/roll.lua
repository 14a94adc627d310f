-- roll.lua: add a pane to the pane of the next size and delete it, in one step.
-- KEYS[1] the version's pane index, KEYS[2] its meta, then pairs: pane, pane of the next size
-- ARGV[1] the field of the meta that keeps until when panes were dropped
-- ARGV[2…] triples: index member of the pane, that of the next one, end of the pane.
--         The next member of a pane of the largest size is empty: it is dropped, and the meta keeps
--         until when panes were dropped, so that no window is computed from what is left.
-- A pane that is not in the index any more was rolled before: nothing is done for it.
-- Returns the number of panes rolled.
local index, meta, rolled = KEYS[1], KEYS[2], 0
local sequence = next_sequence(meta)
for i = 1, (#ARGV - 1) / 3 do
  local member, next_member, pane_end = ARGV[3 * i - 1], ARGV[3 * i], ARGV[3 * i + 1]
  local from, to = KEYS[2 * i + 1], KEYS[2 * i + 2]
  if redis.call('ZSCORE', index, member) then
    if next_member == '' then
      local dropped_until = tonumber(redis.call('HGET', meta, ARGV[1])) or 0
      if tonumber(pane_end) > dropped_until then
        redis.call('HSET', meta, ARGV[1], pane_end)
      end
    else
      local rows, problem = merged_fields(to, redis.call('HGETALL', from))
      if not rows then return redis.error_reply('STREAMGAUGE roll: ' .. problem) end
      write_fields(to, rows)
      bound_figures(to, rows, EVENT_FIGURES)
      bound_figures(to, rows, LABEL_FIGURES)
      redis.call('ZADD', index, sequence, next_member)
    end
    redis.call('DEL', from)
    redis.call('ZREM', index, member)
    rolled = rolled + 1
  end
end
return rolled
