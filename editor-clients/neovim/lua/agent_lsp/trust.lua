-- Trust: what of a workspace would set something for the agent is shown, and counts once the user has said so.

local api = vim.api
local say = require('agent_lsp.say')
local types = require('agent_lsp.types')

local M = {}

local NO, YES = 'Not now', 'Trust'

---The daemon has escaped what could deceive.
---@param answer agent_lsp.TrustAnswer
---@return string[]
local function text_of(answer)
  local lines = {}
  for _, file in ipairs(answer.files) do
    table.insert(lines, '# ' .. vim.uri_to_fname(file.uri))
    vim.list_extend(lines, vim.split(file.text, '\n', { plain = true }))
    for _, problem in ipairs(file.problem and vim.split(file.problem, '\n', { plain = true }) or {}) do
      table.insert(lines, '! ' .. problem)
    end
  end
  return lines
end

---@param answer agent_lsp.TrustAnswer
---@return integer win
local function open(answer)
  local lines = text_of(answer)
  local buf = api.nvim_create_buf(false, true)
  vim.bo[buf].bufhidden = 'wipe'
  api.nvim_buf_set_lines(buf, 0, -1, false, lines)
  vim.bo[buf].modifiable = false
  api.nvim_buf_set_name(buf, ('agent-lsp://trust/%d'):format(buf))
  return require('agent_lsp.below').open(buf)
end

---@param workspace agent_lsp.Workspace
---@param buf integer
---@param params table
---@param done fun(answer: agent_lsp.TrustAnswer)
local function call(workspace, buf, params, done)
  require('agent_lsp.client').call(workspace, types.command.trust, function()
    return next(params) and params or vim.empty_dict()
  end, buf, done)
end

---@param workspace agent_lsp.Workspace
---@param buf integer
---@param answer agent_lsp.TrustAnswer
local function ask(workspace, buf, answer)
  local win = open(answer)
  vim.cmd.redraw() -- the question may be one that stops everything else
  vim.ui.select({ NO, YES }, { prompt = 'Trust exactly what is shown?', kind = 'agent_lsp_trust' }, function(chosen)
    if api.nvim_win_is_valid(win) then
      api.nvim_win_close(win, true)
    end
    if chosen ~= YES then
      return say('not trusted: it is not read')
    end
    call(workspace, buf, { digest = answer.digest }, function()
      say('trusted; once a byte of it changes it is not any more')
    end)
  end)
end

---Shows what would set something for the agent in the buffer's workspace, and asks.
function M.ask()
  local buf = api.nvim_get_current_buf()
  local workspace = require('agent_lsp.client').workspace(buf)
  call(workspace, buf, {}, function(answer)
    if #answer.files == 0 then
      say('nothing of this workspace would set anything for the agent')
    elseif answer.trusted then
      say('this is trusted exactly as it stands; :AgentTrust! takes it back')
    else
      ask(workspace, buf, answer)
    end
  end)
end

---Takes the trust in the buffer's workspace back.
function M.forget()
  local buf = api.nvim_get_current_buf()
  call(require('agent_lsp.client').workspace(buf), buf, { forget = true }, function()
    say('nothing of this workspace is trusted any more')
  end)
end

---@param workspace agent_lsp.Workspace
---@param answer agent_lsp.TrustAnswer
local function say_what_waits(workspace, answer)
  if answer.trusted or #answer.files == 0 or workspace.told_digest == answer.digest then
    return
  end
  workspace.told_digest = answer.digest
  local changed = #answer.changed > 0
  local name = vim.fs.basename(vim.uri_to_fname(changed and answer.changed[1] or answer.files[1].uri))
  local why = changed and 'changed since you trusted it' or 'is not trusted yet'
  say(('%s %s: see :AgentTrust'):format(name, why), vim.log.levels.WARN)
end

---Says in one line what waits for trust, once for the same.
---@param workspace agent_lsp.Workspace
---@param client vim.lsp.Client
function M.remind(workspace, client)
  local name = types.command.trust
  local command = { title = name, command = name, arguments = { vim.empty_dict() } }
  client:exec_cmd(command, nil, function(_, answer) -- what is wrong with the daemon is said elsewhere
    if answer then
      say_what_waits(workspace, answer)
    end
  end)
end

return M
