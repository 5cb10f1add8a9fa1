-- The daemon's edits, made on exactly the text they were computed from.

local M = {}

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

---Handles `workspace/applyEdit`. The label is dropped, for vim.lsp prints it over what the user reads.
---@param error lsp.ResponseError?
---@param params lsp.ApplyWorkspaceEditParams
---@param ctx lsp.HandlerContext
---@return lsp.ApplyWorkspaceEditResult
function M.apply(error, params, ctx)
  if stale(params.edit) then
    return { applied = false, failureReason = 'the text has changed since it was read' }
  end
  return vim.lsp.handlers['workspace/applyEdit'](error, { edit = params.edit }, ctx)
end

return M
