-- What the last turn changed, taken back or made again, and one line that says so.

local api = vim.api

local M = {}

local MOST_NAMED = 3

---@param uris string[]
---@return string
local function files(uris)
  if #uris > MOST_NAMED then
    return #uris .. ' files'
  end
  return table.concat(
    vim.tbl_map(function(uri)
      return vim.fs.basename(vim.uri_to_fname(uri))
    end, uris),
    ', '
  )
end

---@param answer agent_lsp.RestoreAnswer
---@param verb string
---@return string
local function line(answer, verb)
  local parts = {}
  if #answer.restored > 0 then
    table.insert(parts, ('%s: %s'):format(verb, files(answer.restored)))
  end
  if #answer.kept > 0 then
    local kept = vim.tbl_map(function(one)
      return one.uri
    end, answer.kept)
    table.insert(parts, ('kept: %s (%s)'):format(files(kept), answer.kept[1].why))
  end
  return #parts > 0 and table.concat(parts, '; ') or 'nothing was changed'
end

---Calls undo or redo for the session of the buffer's workspace.
---@param command string
---@param verb string what was done to the files, for the line
function M.bring_back(command, verb)
  local client, say = require('agent_lsp.client'), require('agent_lsp.say')
  local buf = api.nvim_get_current_buf()
  local workspace = client.workspace(buf)
  if not workspace.session_id then
    return say('there is no session here yet: nothing was changed')
  end
  client.call(
    workspace,
    command,
    function()
      return { sessionId = workspace.session_id }
    end,
    buf,
    function(answer)
      say(line(answer, verb), #answer.kept > 0 and vim.log.levels.WARN or vim.log.levels.INFO)
      vim.cmd.checktime()
    end
  )
end

return M
