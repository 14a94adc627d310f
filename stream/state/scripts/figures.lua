-- Figures of the join: what a label adds to the label pane of its prediction, or takes away again.
-- Loaded in front of join.lua. The rows are those of stream/window/labelled.py.
local REGISTERED, LABELLED, CORRECTED, UNUSABLE, CELLS = 0, 1, 2, 3, 4
local PAIRS_MAX, DELAY_STEPS, DELAY_CELLS, RANKS = 4096, 8, 512, 10
local LOG_LOSS_CLIP = 2.220446049250313e-16 -- the distance of 1 and the next double
local MAGNITUDE_CELLS, BLOCK_CELLS = 6145, 512
local BAND_BITS, UNIT_BITS, BAND_MIN, BAND_MAX = 16, 32, -8, 60
local DAY_MS = 86400000 -- the largest panes; label panes are of an hour or a day
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

local function meta_of(version)
  return state_root .. 'v:' .. string.gsub(version, ' ', ':', 1)
end

-- Member of the label pane that counts what lies in a pane: the day's, once that was rolled up into it.
local function home_of(version, tier, start)
  local member = string.format('%.0f:%.0f', tier, start)
  if tier >= DAY_MS then return member end
  local index = meta_of(version) .. ':labelled'
  if redis.call('ZSCORE', index, member) then return member end
  local day = string.format('%.0f:%.0f', DAY_MS, start - start % DAY_MS)
  return redis.call('ZSCORE', index, day) and day or member
end

-- The parts of a label pane that a slot belongs to, by terms, event time and body: all traffic, and
-- its segments.
local function parts_of(of, event, body)
  local start = event - event % of.tier
  local known = below(of.parts, start)
  local codes = sub(body, SLOT_HEAD + 1, SLOT_HEAD + of.splits_n)
  local parts = known[codes]
  if parts then return parts end
  local pane = below(below(changed, of.version), home_of(of.version, of.tier, start))
  local names = {''}
  for i, segments in ipairs(of.segments) do
    local name = segments[byte(codes, i) + 1]
    names[i + 1] = 's:' .. #name .. ':' .. name .. '|'
  end
  parts = {}
  for i, name in ipairs(names) do
    local part = pane[name]
    if not part then
      part = {counts = {}, names = {}, sums = {}}
      pane[name] = part
    end
    parts[i] = part
  end
  known[codes] = parts
  return parts
end

local function add_count(parts, row, cells, cell, by)
  for i = 1, #parts do
    local known = parts[i].counts[row]
    if not known then
      known = {cells, {}}
      parts[i].counts[row] = known
    end
    known[2][cell] = (known[2][cell] or 0) + by
  end
end

local function add_name(parts, row, name, by)
  for i = 1, #parts do
    local known = below(parts[i].names, row)
    known[name] = (known[name] or 0) + by
  end
end

-- An exact sum, as in stream/sketches/exact_sums.py, in the limbs of changed_sums: squares of 50 bits
-- do not fit into those of 32.
local function add_sum(parts, what, value, by)
  if not (abs(value) < SUMMED_MAX) then return end
  local band = BAND_MIN
  if value ~= 0 then
    local _, exponent = math.frexp(value)
    band = math.max(BAND_MIN, math.min(BAND_MAX, floor((exponent - 1) / BAND_BITS)))
  end
  local units = floor(math.ldexp(value, UNIT_BITS - BAND_BITS * band) + 0.5)
  local size = abs(units)
  local low, high = size % SQUARE_LIMB, floor(size / SQUARE_LIMB)
  local ll, hl, hh = low * low, 2 * high * low, high * high
  local l1, l2, l3 = floor(ll / SQUARE_LIMB), floor(hl / SQUARE_LIMB), floor(hh / SQUARE_LIMB)
  for i = 1, #parts do
    local bands = below(parts[i].sums, what)
    local s = bands[band]
    if not s then
      s = {0, 0, 0, 0, 0, 0, 0, 0, 0}
      bands[band] = s
    end
    s[1] = s[1] + by
    s[2], s[3] = s[2] + by * (units % TWO32), s[3] + by * floor(units / TWO32)
    s[4], s[5] = s[4] + by * (size % TWO32), s[5] + by * floor(size / TWO32)
    s[6] = s[6] + by * (ll - l1 * SQUARE_LIMB)
    s[7] = s[7] + by * (l1 + hl - l2 * SQUARE_LIMB)
    s[8] = s[8] + by * (l2 + hh - l3 * SQUARE_LIMB)
    s[9] = s[9] + by * l3
  end
end

local function add_probabilities(parts, slot, actual, by)
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
    add_count(parts, of.score_rows[i], 2 * cells, cell_of(edges, p) + (hit and cells or 0), by)
    if of.binary then found = hit and p or 1 - p elseif hit then found = p end
    brier = brier + (p - (hit and 1 or 0)) ^ 2
  end
  found = math.max(LOG_LOSS_CLIP, math.min(1 - LOG_LOSS_CLIP, found))
  add_sum(parts, 'log_loss', -math.log(found), by)
  add_sum(parts, 'brier', brier, by)
end

local function integral(x)
  return x == floor(x) and abs(x) <= 9007199254740992
end

local function add_number(parts, slot, label, by)
  local of = slot.of
  local predicted = struct.unpack('<d', slot.body, slot.rest)
  local target = label.number and tonumber(label.value)
  if of.mode == 'auto' and integral(predicted) and (not target or integral(target)) then
    local text = predicted == 0 and '0' or string.format('%.0f', predicted)
    add_name(parts, 'pairs', text .. '\31' .. label.value, by)
  end
  if not target then
    if of.mode ~= 'auto' then add_count(parts, 'n', CELLS, UNUSABLE, by) end
    return
  end
  add_sum(parts, 'error', predicted - target, by)
  add_sum(parts, 'target', target, by)
  if target ~= 0 then add_sum(parts, 'relative', abs((predicted - target) / target), by) end
  if of.target_grid then
    local edges = edges_of(of, 'target_edges')
    add_count(parts, 'y:' .. of.target_grid, #edges + 1, cell_of(edges, target), by)
  end
end

-- Cell of a number in a histogram of magnitudes, as in stream/sketches/magnitudes.py.
local function magnitude_cell(value)
  if value == 0 then return 3072 end
  local m, e = math.frexp(abs(value))
  local k = math.min(32 * (e - 1) + floor(32 * math.log(2 * m) / math.log(2)), 2047)
  if k < -1024 then return 3072 end
  return value > 0 and 4097 + k or 2047 - k
end

-- Gains are the relevances themselves, discounts 1 / log2(rank + 1), ideal: the most relevant first.
local function add_ranking(parts, slot, label, by)
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
    local item = sub(body, i, i + 3)
    local value = relevance[item]
    if value then
      relevance[item] = nil -- shown again, it gains nothing more
      first = first or rank
      if rank <= RANKS then gained = gained + value / math.log(rank + 1) end
    end
  end
  if best > 0 then add_sum(parts, 'ndcg', gained / best, by) end
  add_sum(parts, 'reciprocal_rank', first and 1 / first or 0, by)
  add_sum(parts, 'hit', first and first <= RANKS and 1 or 0, by)
end

local function add_label(parts, slot, state, by)
  local of, label = slot.of, state.last
  add_count(parts, 'n', CELLS, LABELLED, by)
  if state.first then
    local waited = math.max(1, state.first.time - slot.event)
    local mantissa, exponent = math.frexp(waited)
    local cell = DELAY_STEPS * (exponent - 1) + floor((2 * mantissa - 1) * DELAY_STEPS)
    add_count(parts, 'delay', DELAY_CELLS, math.min(DELAY_CELLS - 1, cell), by)
  end
  if of.mode == 'ranking' and label.ranking then
    add_ranking(parts, slot, label, by)
  elseif of.mode == 'ranking' or label.ranking then
    add_count(parts, 'n', CELLS, UNUSABLE, by)
  elseif of.mode == 'class' then
    add_name(parts, 'pairs', sub(slot.body, slot.rest) .. '\31' .. label.value, by)
    add_probabilities(parts, slot, label.value, by)
  else
    add_number(parts, slot, label, by)
  end
end

local function add_metric(parts, name, value, by)
  if not (abs(value) < SUMMED_MAX) then return end
  add_sum(parts, 'metric.' .. name, value, by)
  local cell = magnitude_cell(value)
  local block = floor(cell / BLOCK_CELLS)
  local first = block * BLOCK_CELLS
  local cells = math.min(BLOCK_CELLS, MAGNITUDE_CELLS - first)
  add_count(parts, 'h:' .. name .. ':' .. block, cells, cell - first, by)
end

-- Figures that come with labels are those of all traffic alone, as those that come with events are.
local function add_state(slot, state, by)
  local parts = parts_of(slot.of, slot.event, slot.body)
  if state.last then add_label(parts, slot, state, by) end
  if state.revisions > 0 then add_count(parts, 'n', CELLS, CORRECTED, by * state.revisions) end
  if not state.metrics then return end
  for name, value in pairs(state.metrics) do add_metric({parts[1]}, name, value, by) end
end

local function add_registered(of, event, body, by)
  add_count(parts_of(of, event, body), 'n', CELLS, REGISTERED, by)
end

local function changed_rows(key, prefix, part, rows)
  local function put(name, change)
    local readable, row, problem = pcall(change, redis.call('HGET', key, prefix .. name))
    if readable and row then
      rows[#rows + 1], rows[#rows + 2] = prefix .. name, row
    else
      problem = readable and problem or row
      redis.log(redis.LOG_WARNING, 'STREAMGAUGE join: ' .. problem .. ': ' .. key .. ' ' .. name)
    end
  end
  for name, change in pairs(part.counts) do
    put(name, function(old) return changed_counts(old, change[1], change[2]) end)
  end
  for name, change in pairs(part.names) do
    put(name, function(old) return changed_names(old, PAIRS_MAX, change) end)
  end
  for what, bands in pairs(part.sums) do
    for band, sums in pairs(bands) do
      put('x:' .. what .. ':' .. band, function(old) return changed_sums(old, sums) end)
    end
  end
end

-- Label panes after all changes: {{meta, index, pane, member, {row name, row, …}, version}, …}. A row
-- that is damaged stays as it is, for the entries have changed already.
local function changed_panes()
  local out = {}
  for version, panes in pairs(changed) do
    local meta = meta_of(version)
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
