-- The entries of a stored session as the events that once told of them, so that both are shown alike.

local types = require('agent_lsp.types')

local M = {}

local TELLING = { 'path', 'command', 'pattern', 'url', 'query' } -- the argument that says most of a call

---@param part agent_lsp.MessagePart
---@return string
local function title(part)
  local read, arguments = pcall(vim.json.decode, part.arguments) -- they are as the model wrote them
  for _, name in ipairs(TELLING) do
    if read and type(arguments) == 'table' and type(arguments[name]) == 'string' then
      return part.tool .. ' ' .. arguments[name]
    end
  end
  return part.tool
end

---@param events agent_lsp.AgentEvent[]
---@param titles table<string, string> by call
---@param entry agent_lsp.SessionEntry
local function said(events, titles, entry)
  if entry.role == types.role.user then
    table.insert(events, { kind = types.event_kind.prompt_joined, prompt = entry.text })
  end
  for _, part in ipairs(entry.parts or {}) do
    if part.type == types.part_type.text then
      table.insert(events, { kind = types.event_kind.text_delta, text = part.text })
    elseif part.type == types.part_type.tool_call then
      titles[part.callId] = title(part)
      local event = { kind = types.event_kind.tool_call_started, callId = part.callId, title = titles[part.callId] }
      table.insert(events, event)
    end
  end
  for _, result in ipairs(entry.results or {}) do
    local call = { callId = result.callId, title = titles[result.callId] or '', status = result.status }
    table.insert(
      events,
      vim.tbl_extend('error', call, { kind = types.event_kind.tool_call_finished, result = result.text })
    )
  end
end

---@param events agent_lsp.AgentEvent[]
---@param entry agent_lsp.SessionEntry
local function decided(events, entry)
  local id = { approvalId = entry.approvalId }
  local asked = { kind = types.event_kind.approval_requested, title = entry.title }
  local answer = { kind = types.event_kind.approval_decided, decision = entry.decision, answered = entry.answered }
  table.insert(events, vim.tbl_extend('error', id, asked))
  table.insert(events, vim.tbl_extend('error', id, answer))
end

---@param events agent_lsp.AgentEvent[]
---@param entry agent_lsp.SessionEntry
local function ended(events, entry)
  local sums =
    { stopReason = entry.stopReason, usage = entry.usage, cost = entry.cost, costUnknown = entry.costUnknown }
  local error = entry.error ~= '' and { kind = '', message = entry.error } or nil
  table.insert(events, vim.tbl_extend('error', sums, { kind = types.event_kind.turn_finished, error = error }))
end

---@param entries agent_lsp.SessionEntry[]
---@return agent_lsp.AgentEvent[] with the fields that showing them needs
function M.events(entries)
  local events, titles = {}, {}
  for _, entry in ipairs(entries) do
    if entry.kind == types.entry_kind.message then
      said(events, titles, entry)
    elseif entry.kind == types.entry_kind.approval_decided then
      decided(events, entry)
    elseif entry.kind == types.entry_kind.turn_ended then
      ended(events, entry)
    end
  end
  return events
end

return M
