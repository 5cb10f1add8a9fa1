-- The daemon's edits, made on exactly the text they were computed from, each in an undo block of its own.

local api = vim.api

local M = {}

---In insert mode undo blocks are closed by this key alone, which also has Neovim save the line for undo anew.
local CLOSE_BLOCK = vim.keycode('<C-g>u')
local KEYS_MS = 1000

---vim.lsp does not look at version 0, and answers a stale edit, which it leaves out, with `applied = true`.
---@param edit lsp.WorkspaceEdit
---@return boolean
local function stale(edit)
  return vim.iter(edit.documentChanges or {}):any(function(change)
    local document = change.textDocument
    return document
      and document.version
      and vim.lsp.util.buf_versions[vim.uri_to_bufnr(document.uri)] ~= document.version
  end)
end

---@param edit lsp.WorkspaceEdit
---@return integer[]
local function buffers(edit)
  return vim
    .iter(edit.documentChanges or {})
    :map(function(change)
      return change.textDocument and vim.uri_to_bufnr(change.textDocument.uri)
    end)
    :filter(api.nvim_buf_is_loaded)
    :totable()
end

---@type table<integer, fun(result: lsp.ApplyWorkspaceEditResult?)>
local waiting = {}
local last = 0

---Called from among the keys.
---@param id integer
function M.go_on(id)
  if waiting[id] then
    waiting[id]()
  end
end

---Makes it between two keys of what is being typed, without an end of insert mode.
---@param make fun(): lsp.ApplyWorkspaceEditResult
---@return lsp.ApplyWorkspaceEditResult
local function among_keys(make)
  local here = assert(coroutine.running(), 'requests of the daemon are handled in coroutines')
  last = last + 1
  local id = last
  waiting[id] = function(result)
    waiting[id] = nil
    coroutine.resume(here, result or make())
  end
  local call = vim.keycode(("<Cmd>lua require('agent_lsp.edits').go_on(%d)<CR>"):format(id))
  api.nvim_feedkeys(CLOSE_BLOCK .. call .. CLOSE_BLOCK, 'ni', false)
  vim.defer_fn(function()
    if waiting[id] then -- an interrupt throws away the keys that are not done yet
      waiting[id]({ applied = false, failureReason = 'the keyboard was interrupted' })
    end
  end, KEYS_MS)
  return coroutine.yield()
end

---@param edit lsp.WorkspaceEdit
local function close_blocks(edit)
  for _, buf in ipairs(buffers(edit)) do
    api.nvim_buf_call(buf, function()
      vim.go.undolevels = vim.go.undolevels -- |undo-break|
    end)
  end
end

---One undo takes back the edit and nothing that the user typed.
---@param edit lsp.WorkspaceEdit
---@param make fun(): lsp.ApplyWorkspaceEditResult
---@return lsp.ApplyWorkspaceEditResult
local function in_its_own_undo_block(edit, make)
  if api.nvim_get_mode().mode:match('^[iR]') and vim.list_contains(buffers(edit), api.nvim_get_current_buf()) then
    return among_keys(make)
  end
  close_blocks(edit)
  local result = make()
  close_blocks(edit)
  return result
end

---Neovim keeps back what is typed while it is typed quickly, and sends it before any other notification.
---@param client_id integer
local function tell_of_typing(client_id)
  local client = vim.lsp.get_client_by_id(client_id)
  if client then
    client:notify('$/setTrace', { value = 'off' })
  end
end

---@param params lsp.ApplyWorkspaceEditParams
---@param ctx lsp.HandlerContext
---@return lsp.ApplyWorkspaceEditResult
local function made(params, ctx)
  if stale(params.edit) then
    return { applied = false, failureReason = 'the text has changed since it was read' }
  end
  return vim.lsp.handlers['workspace/applyEdit'](nil, { edit = params.edit }, ctx)
end

---Handles `workspace/applyEdit`. The label is dropped, for vim.lsp prints it over what the user reads.
---@param _ lsp.ResponseError?
---@param params lsp.ApplyWorkspaceEditParams
---@param ctx lsp.HandlerContext
---@return lsp.ApplyWorkspaceEditResult
function M.apply(_, params, ctx)
  return in_its_own_undo_block(params.edit, function()
    local result = made(params, ctx)
    tell_of_typing(ctx.client_id)
    return result
  end)
end

return M
