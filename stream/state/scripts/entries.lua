-- Entries of the join: predictions that wait for their labels, labels that wait for their predictions.
-- Loaded in front of join.lua; stream/ingest/joining.py is the Python side.
--
-- A bucket is a hash: id of a request (6 bytes) → entry. An entry is a string of items, each a byte
-- (128 for a label, plus its length; 127: a u16 with the length follows) and its body. Little-endian:
--   slot   code of its terms (4 bytes), u32 append time in s, u48 event time in ms, a byte for each
--          split by segments, a double for each class with a probability, u16 place, u32 offset,
--          [u16 index], then what was predicted: a class as text, a double, or u32 hashes of items
--   label  u48 timestamp in ms, u16 place, u32 offset, [u16 index], u32 append time in s, u8 flags,
--          [u32 hash of the model], [u32 hash of the version], [u8 length, value | u16 length,
--          (u32 hash, double) of relevant items], then (u8 length, name, double) of each metric
-- place = partition + 16384 for the topic of predictions + 32768 where an index follows. The offset
-- is the record's, modulo 2^32. Labels are kept in the order of (timestamp, place, offset, index).
local SLOT_HEAD, LABEL_BIT, LONG = 14, 128, 127
local HAS_INDEX = 32768
local MODEL_SCOPE, VERSION_SCOPE, VALUE, NUMBER, RANKING, METRICS = 1, 2, 4, 8, 16, 32
local TWO32 = 4294967296
local ABSENT_TIME = 0 -- timestamp of the label that absence means: before that of any other
local sub, byte, floor, abs = string.sub, string.byte, math.floor, math.abs

-- Terms are what the model's configuration and baseline say of a slot, by their code.
local state_root, root, terms_of = nil, nil, {}

local function terms(code)
  local found = terms_of[code]
  if found == nil then
    local raw = redis.call('GET', root .. 'terms:' .. code)
    found = raw and cmsgpack.unpack(raw) or false
    if found then
      found.classes_n, found.splits_n = #found.classes, #found.segments
      found.place_at = SLOT_HEAD + found.splits_n + 8 * found.classes_n + 1
      found.parts, found.score_rows = {}, {}
      for i, class in ipairs(found.classes) do found.score_rows[i] = 'p:' .. found.grid .. ':' .. class end
    end
    terms_of[code] = found
  end
  return found
end

local function item(bit, body)
  if #body < LONG then return string.char(bit + #body) .. body end
  return string.char(bit + LONG) .. struct.pack('<I2', #body) .. body
end

local function read_slot(body)
  local of = terms(sub(body, 1, 4))
  if not of then return nil end -- its terms are gone: it has waited far beyond its time
  local slot = {of = of, body = body}
  slot.append, slot.event = struct.unpack('<I4I6', body, 5)
  slot.place, slot.offset = struct.unpack('<I2I4', body, of.place_at)
  slot.index, slot.rest = 0, of.place_at + 6
  if slot.place >= HAS_INDEX then
    slot.index, slot.rest = struct.unpack('<I2', body, slot.rest), slot.rest + 2
  end
  return slot
end

local function has(flags, bit) return flags % (2 * bit) >= bit end

local function read_label(body)
  local label = {body = body, index = 0}
  local at = 13
  label.time, label.place, label.offset = struct.unpack('<I6I2I4', body)
  if label.place >= HAS_INDEX then
    label.index, at = struct.unpack('<I2', body, at), at + 2
  end
  label.append = struct.unpack('<I4', body, at)
  local flags = byte(body, at + 4)
  at = at + 5
  if has(flags, MODEL_SCOPE) then label.model, at = sub(body, at, at + 3), at + 4 end
  if has(flags, VERSION_SCOPE) then label.model_version, at = sub(body, at, at + 3), at + 4 end
  if has(flags, RANKING) then
    local n = struct.unpack('<I2', body, at)
    label.ranking, at = sub(body, at + 2, at + 1 + n), at + 2 + n
    label.value = label.ranking
  elseif has(flags, VALUE) then
    local n = byte(body, at)
    label.value, at = sub(body, at + 1, at + n), at + 1 + n
    label.number = has(flags, NUMBER)
  end
  if has(flags, METRICS) then label.metrics = at end
  return label
end

local function read_entry(value)
  local slots, labels, at = {}, {}, 1
  while at <= #value do
    local head = byte(value, at)
    at = at + 1
    local n = head % LABEL_BIT
    if n == LONG then n, at = struct.unpack('<I2', value, at), at + 2 end
    local body = sub(value, at, at + n - 1)
    at = at + n
    if head >= LABEL_BIT then
      labels[#labels + 1] = read_label(body)
    else
      slots[#slots + 1] = read_slot(body)
    end
  end
  return slots, labels
end

local function write_entry(slots, labels)
  local out = {}
  for _, slot in ipairs(slots) do out[#out + 1] = item(0, slot.body) end
  for _, label in ipairs(labels) do out[#out + 1] = item(LABEL_BIT, label.body) end
  return table.concat(out)
end

-- Whether a record's offset comes before another's, and whether they are one record.
local function before(a, b)
  local p, q = a.place % HAS_INDEX, b.place % HAS_INDEX
  if p ~= q then return p < q end
  if a.offset ~= b.offset then return (b.offset - a.offset) % TWO32 < TWO32 / 2 end
  return a.index < b.index
end

local function same(a, b)
  return a.place == b.place and a.offset == b.offset and a.index == b.index
end

local function later(a, b)
  if a.time ~= b.time then return a.time > b.time end
  return before(b, a)
end

local function applies(label, slot)
  local of = slot.of
  return abs(label.append - slot.append) <= of.horizon
    and (not label.model or label.model == of.model_hash)
    and (not label.model_version or label.model_version == of.version_hash)
end

local function each_metric(label, take)
  local body, at = label.body, label.metrics
  while at and at <= #body do
    local n = byte(body, at)
    local name = sub(body, at + 1, at + n)
    take(name, struct.unpack('<d', body, at + 1 + n))
    at = at + 9 + n
  end
end

-- Whether two labels of a slot say different things: as a class, a number and its text are the same.
local function differs(a, b, of)
  return a.value ~= b.value or (a.ranking ~= nil) ~= (b.ranking ~= nil)
    or (of.mode ~= 'class' and a.number ~= b.number)
end

-- What labels make of a slot: the first one that was sent and the last one with a value, how often one
-- was followed by another, and the last value of each metric.
local function state_of(slot, labels)
  local state = {revisions = 0}
  for _, label in ipairs(labels) do
    if applies(label, slot) then
      if label.value then
        if state.last and differs(state.last, label, slot.of) then
          state.revisions = state.revisions + 1
        end
        if label.time > ABSENT_TIME then state.first = state.first or label end
        state.last = label
      end
      if label.metrics then
        state.metrics = state.metrics or {}
        each_metric(label, function(name, value)
          if state.metrics[name] ~= value then
            state.metrics[name] = value
            state.revisions = state.revisions + 1
          end
        end)
      end
    end
  end
  return state
end
