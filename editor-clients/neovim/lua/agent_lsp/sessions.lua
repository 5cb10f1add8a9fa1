-- The sessions of a workspace: one is chosen, shown, and goes on.

local api = vim.api
local money = require('agent_lsp.money')
local say = require('agent_lsp.say')
local types = require('agent_lsp.types')

local M = {}

---A moment of the wire (RFC 3339, UTC) in the user's time, to the minute.
---@param moment string
---@return string
local function when(moment)
  local year, month, day, hour, min, sec = moment:match('^(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)')
  if not year then
    return moment
  end
  local as_local = os.time({ year = year, month = month, day = day, hour = hour, min = min, sec = sec, isdst = false })
  local offset = os.difftime(as_local, os.time(os.date('!*t', as_local) --[[@as osdateparam]]))
  return tostring(os.date('%Y-%m-%d %H:%M', as_local + offset))
end

---@param session agent_lsp.StoredSession
---@return string
local function line(session)
  local title = vim.trim((session.title:gsub('%c', ' ')))
  return ('%s  %s  %s'):format(when(session.updatedAt), title, money.words(session.cost))
end

---@param workspace agent_lsp.Workspace
---@param buf integer
---@param session_id string
local function go_on(workspace, buf, session_id)
  local chat, client = require('agent_lsp.chat'), require('agent_lsp.client')
  if next(workspace.turns) and workspace.session_id == session_id then
    return chat.show(session_id, workspace.root) -- its answer is just being written there
  end
  client.call(
    workspace,
    types.command.session,
    function()
      return { sessionId = session_id }
    end,
    buf,
    function(answer)
      workspace.session_id = session_id
      chat.replay(session_id, workspace.root, require('agent_lsp.transcript').events(answer.entries))
    end
  )
end

---Lets the user choose one of the buffer's workspace.
function M.choose()
  local client = require('agent_lsp.client')
  local buf = api.nvim_get_current_buf()
  local workspace = client.workspace(buf)
  client.call(workspace, types.command.sessions, vim.empty_dict, buf, function(sessions)
    if #sessions == 0 then
      return say('there is no session here yet: :Agent begins one')
    end
    local options = { prompt = 'Go on with session:', kind = 'agent_lsp_session', format_item = line }
    vim.ui.select(sessions, options, function(chosen)
      if chosen then
        go_on(workspace, buf, chosen.sessionId)
      end
    end)
  end)
end

return M
