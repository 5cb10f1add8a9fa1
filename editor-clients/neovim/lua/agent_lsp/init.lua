-- What a user of the plugin can do; :help and README name the commands for it.

local api = vim.api
local types = require('agent_lsp.types')

local M = {}

---@type agent_lsp.Settings
M.settings = {
  cmd = { 'agent-lsp', 'serve' },
  root_markers = { '.git', '.agent' },
  chat_width = 0.4,
  approval_height = 0.4,
  settings = {},
  env = {},
}

---Changes settings; not needed where the defaults will do.
---@param settings? table some of agent_lsp.Settings
function M.setup(settings)
  local unknown = vim.tbl_filter(function(name)
    return M.settings[name] == nil
  end, vim.tbl_keys(settings or {}))
  if #unknown > 0 then
    local names = table.concat(vim.fn.sort(vim.tbl_keys(M.settings)), ', ')
    require('agent_lsp.say')(("no setting '%s'; settings are: %s"):format(unknown[1], names), vim.log.levels.ERROR)
  end
  M.settings = vim.tbl_extend('force', M.settings, settings or {})
end

---The lines of a command's range; when the range is the last visual selection, exactly that.
---@param buf integer
---@param lines integer[]
---@return agent_lsp.Selection
local function selection(buf, lines)
  local function length(line)
    return #(api.nvim_buf_get_lines(buf, line - 1, line, false)[1] or '')
  end
  local first, last = lines[1], lines[2]
  local from, to = api.nvim_buf_get_mark(buf, '<'), api.nvim_buf_get_mark(buf, '>')
  if vim.fn.visualmode() ~= 'v' or from[1] ~= first or to[1] ~= last then
    return { first_line = first, first_byte = 0, last_line = last, last_byte = length(last) }
  end
  local text = api.nvim_buf_get_lines(buf, last - 1, last, false)[1] or ''
  local byte = math.min(to[2], #text)
  if vim.o.selection ~= 'exclusive' and byte < #text then
    byte = byte + 1 + vim.str_utf_end(text, byte + 1)
  end
  return { first_line = first, first_byte = from[2], last_line = last, last_byte = byte }
end

---@param buf integer
---@param line integer
---@param byte integer
---@param encoding string
---@return lsp.Position
local function position(buf, line, byte, encoding)
  local text = api.nvim_buf_get_lines(buf, line - 1, line, false)[1] or ''
  return { line = line - 1, character = vim.str_utfindex(text, encoding, math.min(byte, #text), false) }
end

---@param buf integer
---@param selected agent_lsp.Selection
---@return lsp.Diagnostic[]
local function diagnostics(buf, selected)
  local inside = vim.tbl_filter(function(diagnostic)
    return diagnostic.lnum + 1 >= selected.first_line and diagnostic.lnum + 1 <= selected.last_line
  end, vim.diagnostic.get(buf))
  return vim.lsp.diagnostic.from(inside)
end

---What the user looks at, in the daemon's encoding.
---@param buf integer
---@param selected? agent_lsp.Selection
---@param encoding string
---@return table?
local function context(buf, selected, encoding)
  if not api.nvim_buf_is_valid(buf) or vim.bo[buf].buftype ~= '' or api.nvim_buf_get_name(buf) == '' then
    return nil
  end
  local shown = { uri = vim.uri_from_bufnr(buf) }
  if selected then
    shown.range = {
      start = position(buf, selected.first_line, selected.first_byte, encoding),
      ['end'] = position(buf, selected.last_line, selected.last_byte, encoding),
    }
    shown.diagnostics = diagnostics(buf, selected)
  end
  return shown
end

---@param prompt string
---@param buf integer
---@param selected? agent_lsp.Selection
local function send(prompt, buf, selected)
  local client = require('agent_lsp.client')
  local workspace = client.workspace(buf)
  client.call(
    workspace,
    types.command.ask,
    function(lsp)
      local shown = context(buf, selected, lsp.offset_encoding)
      return { prompt = prompt, sessionId = workspace.session_id, context = shown }
    end,
    buf,
    function(answer)
      workspace.session_id = answer.sessionId
    end
  )
end

---Asks the agent, in the session of the buffer's workspace.
---@param prompt? string without it the user is asked for one
---@param lines? integer[] first and last line to show to the agent
function M.ask(prompt, lines)
  local buf = api.nvim_get_current_buf()
  local selected = lines and selection(buf, lines) or nil
  if prompt and vim.trim(prompt) ~= '' then
    return send(prompt, buf, selected)
  end
  vim.ui.input({ prompt = 'Agent: ' }, function(typed)
    if typed and vim.trim(typed) ~= '' then
      send(typed, buf, selected)
    end
  end)
end

---Leaves the session; the next ask begins another.
---@param prompt? string asked at once
function M.new(prompt)
  require('agent_lsp.client').workspace(api.nvim_get_current_buf()).session_id = nil
  if prompt and vim.trim(prompt) ~= '' then
    M.ask(prompt)
  end
end

---Goes on with the session where its last turn stopped.
function M.continue()
  local client = require('agent_lsp.client')
  local buf = api.nvim_get_current_buf()
  local workspace = client.workspace(buf)
  if not workspace.session_id then
    return require('agent_lsp.say')('there is no session to go on with: :Agent begins one')
  end
  client.call(workspace, types.command.continue, function()
    return { sessionId = workspace.session_id }
  end, buf, function() end)
end

---Cancels all that runs, in every workspace.
function M.cancel()
  local client, say = require('agent_lsp.client'), require('agent_lsp.say')
  local some = false
  for _, workspace in ipairs(client.workspaces()) do
    local forgotten = client.forget(workspace)
    some = some or forgotten or workspace.client_id ~= nil
    if workspace.ready then
      client.call(workspace, types.command.cancel, vim.empty_dict, api.nvim_get_current_buf(), function(answer)
        say(#answer.cancelled > 0 and 'cancelled' or 'nothing runs')
      end)
    end
  end
  if not some then
    say('nothing runs')
  end
end

---Takes back what the last turn of the session changed.
function M.undo()
  require('agent_lsp.history').bring_back(types.command.undo, 'restored')
end

---Makes again what was taken back.
function M.redo()
  require('agent_lsp.history').bring_back(types.command.redo, 'made again')
end

---Allows what is asked.
---@param for_session boolean
function M.allow(for_session)
  local decision = types.choice
  require('agent_lsp.approval').decide(for_session and decision.allow_session or decision.allow_once)
end

---Rejects what is asked.
---@param why? string told to the agent
function M.reject(why)
  require('agent_lsp.approval').decide(types.choice.reject, why)
end

---Opens the answer, and the question that waits.
function M.show()
  local workspace = require('agent_lsp.client').workspace(api.nvim_get_current_buf())
  require('agent_lsp.chat').show(workspace.session_id, workspace.root)
  require('agent_lsp.approval').show()
end

---Lets the user choose a session of the workspace, which goes on and is shown.
function M.sessions()
  require('agent_lsp.sessions').choose()
end

---Shows what the workspace would set for the agent, and asks whether it may; or takes the trust back.
---@param forget? boolean
function M.trust(forget)
  local trust = require('agent_lsp.trust')
  if forget then
    trust.forget()
  else
    trust.ask()
  end
end

---For a status line: state, preset, and what the turns of this Neovim have cost; empty until the daemon runs.
---@return string
function M.status()
  return require('agent_lsp.status').text()
end

return M
