-- Figures of the join: what a label adds to the label pane of its prediction, or takes away again.
-- Loaded in front of join.lua. The rows are those of stream/window/labelled.py.
local REGISTERED, LABELLED, CORRECTED, UNUSABLE, CELLS = 0, 1, 2, 3, 4
local PAIRS_MAX, DELAY_CELLS, RANKS = 4096, 64, 10
local LOG_LOSS_CLIP = 2.220446049250313e-16 -- the distance of 1 and the next double
local MAGNITUDE_CELLS, BLOCK_CELLS = 6145, 512
local BAND_BITS, UNIT_BITS, BAND_MIN, BAND_MAX = 16, 32, -8, 60
local SUMMED_MAX = math.ldexp(1, 976) -- squares of larger values do not fit

local function edges_of(of, name)
  local packed = of[name]
  if type(packed) == 'string' then
    packed = unpack_values('d', 8, packed, 1, #packed / 8)
    of[name] = packed
  end
  return packed
end

-- Cell of a value among cells (edge i-1, edge i].
local function cell_of(edges, value)
  local low, high = 0, #edges
  while low < high do
    local middle = floor((low + high) / 2)
    if edges[middle + 1] < value then low = middle + 1 else high = middle end
  end
  return low
end

-- What changed: by model version, pane and segment ('' is all traffic), then by row.
local changed = {}

local function below(tree, key)
  local found = tree[key]
  if not found then
    found = {}
    tree[key] = found
  end
  return found
end

-- The parts of a label pane that a slot belongs to: all traffic, and its segments.
local function parts_of(slot)
  local of = slot.of
  local member = string.format('%.0f:%.0f', of.tier, slot.event - slot.event % of.tier)
  local pane = below(below(changed, of.version), member)
  local names = {''}
  for i, segments in ipairs(of.segments) do
    local name = segments[byte(slot.body, SLOT_HEAD + i) + 1]
    names[i + 1] = 's:' .. #name .. ':' .. name .. '|'
  end
  local parts = {}
  for i, name in ipairs(names) do
    local part = pane[name]
    if not part then
      part = {counts = {}, names = {}, sums = {}}
      pane[name] = part
    end
    parts[i] = part
  end
  return parts
end

local function add_count(pane, row, cells, cell, by)
  local known = pane.counts[row]
  if not known then
    known = {cells, {}}
    pane.counts[row] = known
  end
  known[2][cell] = (known[2][cell] or 0) + by
end

local function add_name(pane, row, name, by)
  local known = below(pane.names, row)
  known[name] = (known[name] or 0) + by
end

-- An exact sum, as in stream/sketches/exact_sums.py. Limbs are added up without carries, which the
-- flush does: two of 32 bits for a sum, four of 25 bits for squares.
local function add_sum(pane, what, value, by)
  if not (math.abs(value) < SUMMED_MAX) then return end
  local band = BAND_MIN
  if value ~= 0 then
    local _, exponent = math.frexp(value)
    band = math.max(BAND_MIN, math.min(BAND_MAX, floor((exponent - 1) / BAND_BITS)))
  end
  local units = floor(math.ldexp(value, UNIT_BITS - BAND_BITS * band) + 0.5)
  local row = 'x:' .. what .. ':' .. band
  local s = pane.sums[row]
  if not s then
    s = {0, 0, 0, 0, 0, 0, 0, 0, 0}
    pane.sums[row] = s
  end
  local size = math.abs(units)
  s[1] = s[1] + by
  s[2], s[3] = s[2] + by * (units % TWO32), s[3] + by * floor(units / TWO32)
  s[4], s[5] = s[4] + by * (size % TWO32), s[5] + by * floor(size / TWO32)
  local high = floor(size / 33554432)
  local low = size - high * 33554432
  local ll, hl, hh = low * low, 2 * high * low, high * high
  local l1, l2, l3 = floor(ll / 33554432), floor(hl / 33554432), floor(hh / 33554432)
  s[6] = s[6] + by * (ll - l1 * 33554432)
  s[7] = s[7] + by * (l1 + hl - l2 * 33554432)
  s[8] = s[8] + by * (l2 + hh - l3 * 33554432)
  s[9] = s[9] + by * l3
end

local function wide(low, high) -- 128 bits of low + high 2^32, two's complement
  local carry = floor(low / TWO32)
  local second = high + carry
  local third = floor(second / TWO32)
  return struct.pack('<I4I4I4I4', low % TWO32, second % TWO32, third % TWO32,
    floor(third / TWO32) % TWO32)
end

local function wide_squares(a, b, c, d) -- 128 bits of a + b 2^25 + c 2^50 + d 2^75
  local limb = 33554432
  b = b + floor(a / limb)
  c = c + floor(b / limb)
  d = d + floor(c / limb)
  local top = floor(d / limb)
  local first = a % limb + (b % limb) * limb
  local second = floor(first / TWO32) + (c % limb) * 262144
  local third = floor(second / TWO32) + (d % limb) * 2048
  local fourth = floor(third / TWO32) + top * 16
  return struct.pack('<I4I4I4I4', first % TWO32, second % TWO32, third % TWO32, fourth % TWO32)
end

local function sums_row(s)
  return 'L' .. wide(s[1], 0) .. wide(s[2], s[3]) .. wide(s[4], s[5])
    .. wide_squares(s[6], s[7], s[8], s[9])
end

local function add_probabilities(pane, slot, actual, by)
  local of = slot.of
  if of.classes_n == 0 then return end
  local edges = edges_of(of, 'edges')
  local cells = #edges + 1
  local at = SLOT_HEAD + of.splits_n + 1
  local found, brier = 0, 0
  for i, class in ipairs(of.classes) do
    local p = struct.unpack('<d', slot.body, at + 8 * (i - 1))
    if p ~= p then return end -- the event has none
    local hit = actual == class
    add_count(pane, 'p:' .. of.grid .. ':' .. class, 2 * cells,
      cell_of(edges, p) + (hit and cells or 0), by)
    if of.binary then found = hit and p or 1 - p elseif hit then found = p end
    brier = brier + (p - (hit and 1 or 0)) ^ 2
  end
  found = math.max(LOG_LOSS_CLIP, math.min(1 - LOG_LOSS_CLIP, found))
  add_sum(pane, 'log_loss', -math.log(found), by)
  add_sum(pane, 'brier', brier, by)
end

local function integral(x)
  return x == floor(x) and math.abs(x) <= 9007199254740992
end

local function add_number(pane, slot, label, by)
  local of = slot.of
  local predicted = struct.unpack('<d', slot.body, slot.rest)
  local target = label.number and tonumber(label.value)
  if of.mode == 'auto' and integral(predicted) and (not target or integral(target)) then
    local text = predicted == 0 and '0' or string.format('%.0f', predicted)
    add_name(pane, 'pairs', text .. '\31' .. label.value, by)
  end
  if not target then
    if of.mode ~= 'auto' then add_count(pane, 'n', CELLS, UNUSABLE, by) end
    return
  end
  add_sum(pane, 'error', predicted - target, by)
  add_sum(pane, 'target', target, by)
  if target ~= 0 then add_sum(pane, 'relative', math.abs((predicted - target) / target), by) end
  if of.target_grid then
    local edges = edges_of(of, 'target_edges')
    add_count(pane, 'y:' .. of.target_grid, #edges + 1, cell_of(edges, target), by)
  end
end

-- Cell of a number in a histogram of magnitudes, as in stream/sketches/magnitudes.py.
local function magnitude_cell(value)
  if value == 0 then return 3072 end
  local m, e = math.frexp(math.abs(value))
  local k = math.min(32 * (e - 1) + floor(32 * math.log(2 * m) / math.log(2)), 2047)
  if k < -1024 then return 3072 end
  return value > 0 and 4097 + k or 2047 - k
end

-- Gains are the relevances themselves, discounts 1 / log2(rank + 1), ideal: the most relevant first.
local function add_ranking(pane, slot, label, by)
  local relevance, ideal, at = {}, {}, 1
  while at < #label.ranking do
    local value = struct.unpack('<d', label.ranking, at + 4)
    relevance[sub(label.ranking, at, at + 3)] = value
    ideal[#ideal + 1] = value
    at = at + 12
  end
  table.sort(ideal, function(a, b) return a > b end)
  local best, gained, first = 0, 0, nil
  for rank = 1, math.min(RANKS, #ideal) do best = best + ideal[rank] / math.log(rank + 1) end
  local body, rank = slot.body, 0
  for i = slot.rest, #body, 4 do
    rank = rank + 1
    local value = relevance[sub(body, i, i + 3)]
    if value and value > 0 then
      first = first or rank
      if rank <= RANKS then gained = gained + value / math.log(rank + 1) end
    end
  end
  if best > 0 then add_sum(pane, 'ndcg', gained / best, by) end
  add_sum(pane, 'reciprocal_rank', first and 1 / first or 0, by)
  add_sum(pane, 'hit', first and first <= RANKS and 1 or 0, by)
end

local function add_label(pane, slot, state, by)
  local of, label = slot.of, state.last
  add_count(pane, 'n', CELLS, LABELLED, by)
  local waited = math.max(1, state.first.time - slot.event)
  local _, exponent = math.frexp(waited)
  add_count(pane, 'delay', DELAY_CELLS, math.min(DELAY_CELLS, exponent) - 1, by)
  if of.mode == 'ranking' and label.ranking then
    add_ranking(pane, slot, label, by)
  elseif of.mode == 'ranking' or label.ranking then
    add_count(pane, 'n', CELLS, UNUSABLE, by)
  elseif of.mode == 'class' then
    add_name(pane, 'pairs', sub(slot.body, slot.rest) .. '\31' .. label.value, by)
    add_probabilities(pane, slot, label.value, by)
  else
    add_number(pane, slot, label, by)
  end
end

local function add_metric(pane, name, value, by)
  if not (math.abs(value) < SUMMED_MAX) then return end
  add_sum(pane, 'metric.' .. name, value, by)
  local cell = magnitude_cell(value)
  local block = floor(cell / BLOCK_CELLS)
  local first = block * BLOCK_CELLS
  local cells = math.min(BLOCK_CELLS, MAGNITUDE_CELLS - first)
  add_count(pane, 'h:' .. name .. ':' .. block, cells, cell - first, by)
end

-- Figures that come with labels are those of all traffic alone, as those that come with events are.
local function add_state(slot, state, by)
  local parts = parts_of(slot)
  for _, pane in ipairs(parts) do
    if state.last then add_label(pane, slot, state, by) end
    if state.revisions > 0 then add_count(pane, 'n', CELLS, CORRECTED, by * state.revisions) end
  end
  for name, value in pairs(state.metrics or {}) do add_metric(parts[1], name, value, by) end
end

local function add_registered(slot, by)
  for _, pane in ipairs(parts_of(slot)) do add_count(pane, 'n', CELLS, REGISTERED, by) end
end

local function changed_rows(key, prefix, part, rows)
  local function put(name, change)
    local row, problem = change(redis.call('HGET', key, prefix .. name))
    if row then
      rows[#rows + 1], rows[#rows + 2] = prefix .. name, row
    else
      redis.log(redis.LOG_WARNING, 'STREAMGAUGE join: ' .. problem .. ': ' .. key .. ' ' .. name)
    end
  end
  for name, change in pairs(part.counts) do
    put(name, function(old) return changed_counts(old, change[1], change[2]) end)
  end
  for name, change in pairs(part.names) do
    put(name, function(old) return changed_names(old, PAIRS_MAX, change) end)
  end
  for name, sums in pairs(part.sums) do
    put(name, function(old) return merge(old, sums_row(sums)) end)
  end
end

-- Label panes after all changes: {{meta, index, pane, member, {row name, row, …}, version}, …}. A row
-- that is damaged stays as it is, for the entries have changed already.
local function changed_panes(prefix)
  local out = {}
  for version, panes in pairs(changed) do
    local meta = prefix .. 'v:' .. string.gsub(version, ' ', ':', 1)
    for member, parts in pairs(panes) do
      local key = meta .. ':labels:' .. member
      local rows = {}
      for name, part in pairs(parts) do
        changed_rows(key, name, part, rows)
      end
      out[#out + 1] = {meta, meta .. ':labelled', key, member, rows, version}
    end
  end
  return out
end
