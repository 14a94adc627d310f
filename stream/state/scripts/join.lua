-- join.lua: predictions wait for their labels, labels for their predictions; when both are there, the
-- label pane of the prediction counts them. Entry and counts change in one step, and an entry knows
-- the records it has taken, so whatever is sent again changes nothing.
-- KEYS[1] the join's meta hash: how much is stored, and what became of predictions and labels
-- KEYS[2] hash of log clocks of predictions, KEYS[3] the same of labels, KEYS[4] set of versions
-- ARGV[1] MessagePack plan:
--   root (of the join's keys), prefix (of the state's), horizon (s, the longest wait), bytes_max,
--   groups = {{code of terms, width}, …}, labels = {bucket and id, body, …},
--   holds = {{key of a partition they came from, owner, offset}, …}
-- ARGV[2…] of each group, records of `width` bytes: bucket (2), id (6), body of a slot
-- Returns {1, {changed version, …}}; {0}: terms are missing, send them and everything again; {2, key}:
-- a partition has another owner or stands at another offset.
local ENTRY_BYTES = 12 -- beside the value: the id, and the heads of both in a listpack
local KIND_MAX, LABELS_MAX = 8, 32 -- labels of a request that are kept: of one kind, and in all
local SWEPT_MAX, EVICTED_MAX = 64, 512
local SWEEPS, CYCLE_MAX = 8, 3600 -- of every bucket in the longest wait, and at least one an hour
local BUCKETS = 65536
local ROOM = 4 -- shares rise again below this part of the memory
local HASHES = TWO32

local plan = cmsgpack.unpack(ARGV[1])
local meta = KEYS[1]
state_root, root = plan.prefix, plan.root

-- Log clock of the partition that lags most, of both topics, in s: nothing older is still to come.
local clock = math.huge
for i = 2, 3 do
  for _, at in ipairs(redis.call('HVALS', KEYS[i])) do
    clock = math.min(clock, floor(tonumber(at) / 1000))
  end
end
if clock == math.huge then clock = 0 end -- nobody has read anything yet

for _, hold in ipairs(plan.holds) do
  local at = redis.call('HMGET', hold[1], 'owner', 'offset')
  if at[1] ~= hold[2] or tonumber(at[2]) ~= hold[3] then return {2, hold[1]} end
end

local groups = {}
for i, group in ipairs(plan.groups) do
  local of = terms(group[1])
  if not of then return {0} end
  groups[i] = {of = of, width = group[2], blob = ARGV[i + 1]}
end

-- ---- what is stored ----------------------------------------------------------------------------

local noted, bytes_by, rates = {}, {}, {}

local function note(what, by) noted[what] = (noted[what] or 0) + by end

local function note_bytes(version, by) bytes_by[version] = (bytes_by[version] or 0) + by end

-- Append time, s, up to which the log was read for what labels changed of a version.
local told_by = {}

local function note_told(slot, at)
  local version = slot.of.version
  if at < math.huge then told_by[version] = math.max(told_by[version] or 0, at) end
end

local function owner_of(slots) return slots[1] and slots[1].of.version or '' end

-- Share of the requests of a version that are joined, of 2^32: less where memory is short.
local function rate_of(version)
  local rate = rates[version]
  if not rate then
    rate = tonumber(redis.call('HGET', meta, 'rate:' .. version)) or HASHES
    rates[version] = rate
  end
  return rate
end

local limited = redis.call('HGET', meta, 'limited')

local function is_joined(version, id)
  return not limited or struct.unpack('<I4', id, 3) < rate_of(version)
end

-- Write an entry in place of `value`, which was its owner's; nil where there was none.
local function put(key, id, slots, labels, value, owner)
  local new = write_entry(slots, labels)
  note_bytes(owner_of(slots), #new + ENTRY_BYTES)
  if value then note_bytes(owner, -#value - ENTRY_BYTES) else note('entries', 1) end
  redis.call('HSET', key, id, new)
end

-- ---- changes of one entry ----------------------------------------------------------------------

local function states_of(slots, labels)
  local states = {}
  for i, slot in ipairs(slots) do states[i] = state_of(slot, labels) end
  return states
end

local function holds(metrics, others)
  for name, value in pairs(others or {}) do
    if not metrics or metrics[name] ~= value then return false end
  end
  return true
end

local function is_same(a, b, of)
  if a.first ~= b.first or a.revisions ~= b.revisions then return false end
  if not holds(a.metrics, b.metrics) or not holds(b.metrics, a.metrics) then return false end
  if not a.last or not b.last then return a.last == b.last end
  return not differs(a.last, b.last, of)
end

-- Count the difference that new labels make to the slots of an entry; the log, at `at`, told them.
local function recount(slots, was, labels, at)
  local matched = false
  for i, slot in ipairs(slots) do
    local now = state_of(slot, labels)
    if not is_same(was[i], now, slot.of) then
      if was[i].last or was[i].revisions > 0 then add_state(slot, was[i], -1) end
      add_state(slot, now, 1)
      if now.last and not was[i].last then note('matched', 1) end
      if now.last and was[i].last and now.revisions > was[i].revisions then note('corrected', 1) end
      note_told(slot, at)
      matched = true
    end
  end
  return matched
end

-- Labels that can stand for each other: about the same versions, with the same figures.
local function kind_of(label)
  local parts = {label.model or '', label.model_version or '', label.value and 'v' or ''}
  each_metric(label, function(name) parts[#parts + 1] = name end)
  return table.concat(parts, '/')
end

-- The last ones stay, whatever order they come in: of a kind, so that no label makes one go that says
-- something else, and in all.
local function insert(labels, label)
  local at = #labels + 1
  while at > 1 and later(labels[at - 1], label) do at = at - 1 end
  table.insert(labels, at, label)
  if #labels <= KIND_MAX or label.time == ABSENT_TIME then return end
  local kind, sent, of_kind = kind_of(label), {}, {}
  for i, one in ipairs(labels) do
    if one.time > ABSENT_TIME then
      sent[#sent + 1] = i
      if kind_of(one) == kind then of_kind[#of_kind + 1] = i end
    end
  end
  if #of_kind > KIND_MAX then
    table.remove(labels, of_kind[1])
  elseif #sent > LABELS_MAX then
    table.remove(labels, sent[1])
  end
end

-- The label that none within a time means, as a record before all others.
local function absent_label(slot)
  local of = slot.of
  return read_label(struct.pack('<I6I2I4I4', ABSENT_TIME, 0, 0, slot.append + of.absent.after)
    .. string.char(MODEL_SCOPE + VERSION_SCOPE + VALUE + (of.absent.number and NUMBER or 0))
    .. of.model_hash .. of.version_hash .. string.char(#of.absent.value) .. of.absent.value)
end

local function find_absent(slot, labels)
  for i, label in ipairs(labels) do
    if label.time > ABSENT_TIME then return nil end
    if label.model == slot.of.model_hash and label.model_version == slot.of.version_hash then
      return i
    end
  end
end

-- Let the absence of a label speak for the slots that have waited long enough until a moment, and no
-- more for those whose label came in time and was read later. Returns whether it changed anything.
local function settle_absent(slots, labels, moment)
  local settled = false
  for _, slot in ipairs(slots) do
    local absent = slot.of.absent
    if absent then
      local due, in_time = slot.append + absent.after, false
      for _, label in ipairs(labels) do
        in_time = in_time or (label.value and label.time > ABSENT_TIME and label.append <= due
          and applies(label, slot))
      end
      local spoken = find_absent(slot, labels)
      if in_time and spoken then
        table.remove(labels, spoken)
        settled = true
      elseif not in_time and not spoken and moment > due then
        insert(labels, absent_label(slot))
        settled = true
      end
    end
  end
  return settled
end

local function latest_append(labels)
  local latest = 0
  for _, label in ipairs(labels) do latest = math.max(latest, label.append) end
  return latest
end

-- Take a slot out of its entry, as another answer to the same request is the one that counts.
local function replace(known, slot, slots, labels)
  local state = state_of(known, labels)
  if slot.append <= known.append + slot.of.horizon then
    add_state(known, state, -1)
    add_registered(known.of, known.event, known.body, -1)
    if state.last then note('matched', -1) end
  elseif not state.last then -- another request, long after
    note('unlabelled', 1)
  end
  local spoken = find_absent(known, labels)
  if spoken then table.remove(labels, spoken) end
  for i, one in ipairs(slots) do
    if one == known then table.remove(slots, i) end
  end
end

-- Whether an answer counts instead of the known one: the earliest does, unless the id was used again
-- after all waiting was over. Then the answer before is one that is read again, and was counted.
local function counts_instead(slot, known)
  if known.event == slot.event and same(known, slot) then return false end
  if abs(known.append - slot.append) > slot.of.horizon then return slot.append > known.append end
  return slot.event < known.event or (slot.event == known.event and before(slot, known))
end

local function add_slot(key, id, slot)
  local value = redis.call('HGET', key, id)
  local slots, labels = read_entry(value)
  local owner = owner_of(slots)
  for _, known in ipairs(slots) do
    if known.of.version == slot.of.version then
      if not counts_instead(slot, known) then return end
      replace(known, slot, slots, labels)
      break
    end
  end
  slots[#slots + 1] = slot
  settle_absent({slot}, labels, latest_append(labels))
  add_registered(slot.of, slot.event, slot.body, 1)
  local state = state_of(slot, labels)
  add_state(slot, state, 1)
  if state.last then note('matched', 1) end
  for _, label in ipairs(labels) do
    if applies(label, slot) then note_told(slot, label.append) end
  end
  put(key, id, slots, labels, value, owner)
end

local function add_slots(group)
  local of, width, blob = group.of, group.width, group.blob
  local head = #item(0, sub(blob, 9, width)) - (width - 8)
  local prefix = sub(item(0, sub(blob, 9, width)), 1, head)
  local stored = 0
  for at = 1, #blob, width do
    local key, id = root .. sub(blob, at, at + 1), sub(blob, at + 2, at + 7)
    if is_joined(of.version, id) then
      local body = sub(blob, at + 8, at + width - 1)
      if redis.call('HSETNX', key, id, prefix .. body) == 1 then
        add_registered(of, struct.unpack('<I6', body, 9), body, 1)
        stored = stored + 1
      else
        add_slot(key, id, read_slot(body))
      end
    end
  end
  note('entries', stored)
  note_bytes(of.version, stored * (width - 8 + head + ENTRY_BYTES))
end

-- The first label of a single prediction, which is what most are: as below, in half of the time.
-- Returns whether it was that.
local function add_first_label(key, id, value, label)
  local head = byte(value)
  local slot = head < LONG and head == #value - 1 and read_slot(sub(value, 2))
  if not slot or slot.of.absent then return false end
  local state = state_of(slot, {label})
  if not state.last and state.revisions == 0 then return false end
  add_state(slot, state, 1)
  if state.last then note('matched', 1) end
  note_told(slot, label.append)
  local added = item(LABEL_BIT, label.body)
  note_bytes(slot.of.version, #added)
  redis.call('HSET', key, id, value .. added)
  return true
end

local function add_one_label(key, id, label)
  local value = redis.call('HGET', key, id)
  if value and add_first_label(key, id, value, label) then return end
  local slots, labels = {}, {}
  if value then slots, labels = read_entry(value) end
  for _, known in ipairs(labels) do
    if same(known, label) and known.time == label.time then return end
  end
  if not value and not is_joined('', id) then
    note('dropped', 1)
    return
  end
  local was, about = states_of(slots, labels), false
  for _, slot in ipairs(slots) do about = about or applies(label, slot) end
  insert(labels, label)
  settle_absent(slots, labels, label.append)
  local changes = recount(slots, was, labels, label.append)
  if not changes then note(about and 'repeated' or 'early', 1) end
  put(key, id, slots, labels, value, owner_of(slots))
end

-- ---- sweeping ----------------------------------------------------------------------------------

-- Whether everything in an entry has waited long enough.
local function is_over(slots, labels)
  for _, slot in ipairs(slots) do
    if clock <= slot.append + slot.of.horizon then return false end
  end
  for _, label in ipairs(labels) do
    if clock <= label.append + plan.horizon then return false end
  end
  return true
end

local function note_unused(slots, labels, as)
  for _, label in ipairs(labels) do
    local used = false
    for _, slot in ipairs(slots) do used = used or applies(label, slot) end
    if not used then note(as, 1) end
  end
end

-- Where memory is short, take out the slots of versions that are joined for fewer requests now; other
-- versions that answered the same request keep theirs. Returns what is left, and whether the entry goes.
local function evict(id, slots, labels)
  local left = {}
  for _, slot in ipairs(slots) do
    if is_joined(slot.of.version, id) then
      left[#left + 1] = slot
    elseif not state_of(slot, labels).last then
      note('evicted', 1)
      add_registered(slot.of, slot.event, slot.body, -1)
    end
  end
  if #left == 0 and (#slots > 0 or not is_joined('', id)) then return left, true end
  return left, false
end

local function sweep_entry(key, id, value)
  local slots, labels = read_entry(value)
  local was, owner = states_of(slots, labels), owner_of(slots)
  local changes = settle_absent(slots, labels, clock)
  if changes then recount(slots, was, labels, clock) end
  local left, leaves, why = slots, is_over(slots, labels), 'orphaned'
  if leaves then
    for _, slot in ipairs(slots) do
      if not state_of(slot, labels).last then note('unlabelled', 1) end
    end
  elseif limited then
    left, leaves = evict(id, slots, labels)
    why = 'dropped'
  end
  if leaves then
    note_unused(slots, labels, why)
    redis.call('HDEL', key, id)
    note('entries', -1)
    note_bytes(owner, -#value - ENTRY_BYTES)
  elseif changes or #left < #slots then
    put(key, id, left, labels, value, owner)
  end
end

local function sweep(bucket)
  local key = root .. struct.pack('>I2', bucket)
  local entries = redis.call('HGETALL', key)
  for i = 1, #entries, 2 do sweep_entry(key, entries[i], entries[i + 1]) end
end

-- Sweep on, as far as the clock has come: every bucket some times in the longest wait.
local function sweep_some()
  local at = redis.call('HMGET', meta, 'cursor', 'evicting')
  local cursor, evicting = tonumber(at[1]) or 0, tonumber(at[2]) or 0
  local cycle = math.min(plan.horizon / SWEEPS, CYCLE_MAX)
  local target = floor(clock % cycle / cycle * BUCKETS)
  local most = math.min((target - cursor) % BUCKETS, SWEPT_MAX)
  if evicting > 0 then most = math.min(evicting, EVICTED_MAX) end
  for _ = 1, most do
    sweep(cursor)
    cursor = (cursor + 1) % BUCKETS
  end
  redis.call('HSET', meta, 'cursor', cursor, 'evicting', math.max(0, evicting - most))
  return evicting - most <= 0
end

-- Twice the shares, of all, that are less than one: once in each eighth of the longest wait, since what
-- that brings is known only when it has passed.
local function raise_rates(limits)
  local raised = tonumber(redis.call('HGET', meta, 'raised')) or 0
  if clock < raised + plan.horizon / SWEEPS then return end
  redis.call('HSET', meta, 'raised', string.format('%.0f', clock))
  for field, rate in pairs(limits) do
    if rate * 2 >= HASHES then
      redis.call('HDEL', meta, field)
    else
      redis.call('HSET', meta, field, string.format('%.0f', rate * 2))
    end
  end
end

-- Where more is stored than may be, halve the share of the version that holds most of it; where there
-- is much room again, let shares rise.
local function make_room(settled)
  local fields = redis.call('HGETALL', meta)
  local total, most, largest, limits = 0, 0, nil, {}
  for i = 1, #fields, 2 do
    local version = string.match(fields[i], '^bytes:(.*)$')
    local held = version and tonumber(fields[i + 1]) or 0
    total = total + held
    if held > most then most, largest = held, version end
    if string.match(fields[i], '^rate:') then limits[fields[i]] = tonumber(fields[i + 1]) end
  end
  if total < plan.bytes_max / ROOM and next(limits) then raise_rates(limits) end
  if total > plan.bytes_max and settled and largest then
    redis.call('HSET', meta, 'limited', 1, 'evicting', BUCKETS, 'raised', string.format('%.0f', clock),
      'rate:' .. largest, string.format('%.0f', math.max(1, floor(rate_of(largest) / 2))))
  end
end

-- ---- all of it ---------------------------------------------------------------------------------

for _, group in ipairs(groups) do add_slots(group) end
for i = 1, #plan.labels, 2 do
  local place = plan.labels[i]
  add_one_label(root .. sub(place, 1, 2), sub(place, 3), read_label(plan.labels[i + 1]))
end
local settled = sweep_some()

local versions, listed = {}, {}
for _, pane in ipairs(changed_panes()) do
  local version_meta, version = pane[1], pane[6]
  if not versions[version] then
    versions[version] = next_sequence(version_meta)
    listed[#listed + 1] = version
    redis.call('SADD', KEYS[4], version)
    local before = tonumber(redis.call('HGET', version_meta, 'labels_append') or 0)
    local told = 1000 * (told_by[version] or 0)
    if told > before then
      redis.call('HSET', version_meta, 'labels_append', string.format('%.0f', told))
    end
  end
  write_fields(pane[3], pane[5])
  bound_figures(pane[3], pane[5], LABEL_FIGURES)
  redis.call('ZADD', pane[2], versions[version], pane[4])
end
for what, by in pairs(noted) do
  if by ~= 0 then redis.call('HINCRBY', meta, what, by) end
end
for version, by in pairs(bytes_by) do
  if by ~= 0 then redis.call('HINCRBY', meta, 'bytes:' .. version, by) end
end
make_room(settled)
return {1, listed}
