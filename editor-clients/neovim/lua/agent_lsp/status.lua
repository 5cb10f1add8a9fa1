-- What a status line shows: made anew when something happens, so that reading it costs nothing.

local money = require('agent_lsp.money')
local types = require('agent_lsp.types')

local M = {}

local line = ''
---@type table<string, number> USD, by turn of this Neovim
local costs = {}
local some_unknown = false
---@type string?
local preset

---@return string? nil while no daemon lives
local function state()
  if require('agent_lsp.approval').count() > 0 then
    return 'asks'
  end
  local lives = false
  for _, workspace in ipairs(require('agent_lsp.client').workspaces()) do
    if next(workspace.turns) then
      return 'works'
    end
    lives = lives or workspace.ready
  end
  return lives and 'idle' or nil
end

---@return string?
local function spending()
  local sum = 0
  for _, usd in pairs(costs) do
    sum = sum + usd
  end
  if sum > 0 then
    return money.words(sum) .. (some_unknown and ' and more' or '')
  end
  return some_unknown and money.words(nil) or nil
end

---@return string
function M.text()
  return line
end

---Something has changed: status lines are drawn again if it shows.
function M.refresh()
  local now = state()
  local parts = now and { 'agent: ' .. now, preset } or {}
  table.insert(parts, now and spending())
  local fresh = table.concat(parts, ' · ')
  if fresh ~= line then
    line = fresh
    vim.cmd.redrawstatus({ bang = true })
  end
end

---@param lsp vim.lsp.Client
local function learn_preset(lsp)
  local name = types.command.status
  local command = { title = name, command = name, arguments = { vim.empty_dict() } }
  lsp:exec_cmd(command, nil, function(_, answer)
    preset = answer and answer.preset or preset
    M.refresh()
  end)
end

---Takes an event of a turn.
---@param event agent_lsp.AgentEvent
---@param lsp vim.lsp.Client?
function M.take(event, lsp)
  some_unknown = some_unknown or event.costUnknown == true
  if event.kind == types.event_kind.turn_started and lsp then
    learn_preset(lsp) -- a looser one holds from the next turn on
  elseif event.kind == types.event_kind.usage_updated then
    costs[event.turnId] = event.cost
  elseif event.kind == types.event_kind.turn_finished then
    costs[event.turnId] = event.cost or costs[event.turnId]
  end
  M.refresh()
end

return M
