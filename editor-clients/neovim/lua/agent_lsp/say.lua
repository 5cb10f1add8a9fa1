-- One line to the user.

local api = vim.api

---A longer line would make Neovim wait for Enter, and the next key typed would be lost.
---@param message string
---@return string
local function fitted(message)
  local line = vim.trim(('Agent: ' .. message):gsub('%s+', ' '))
  local room = math.max(20, vim.v.echospace)
  if vim.fn.strdisplaywidth(line) <= room then
    return line
  end
  return vim.fn.strcharpart(line, 0, room - 1) .. '…'
end

---While a command is typed its line is the user's: then the message comes after it.
---@param message string
---@param level? integer
local function say(message, level)
  if not vim.startswith(api.nvim_get_mode().mode, 'c') then
    return vim.notify(fitted(message), level or vim.log.levels.INFO)
  end
  local later = vim.schedule_wrap(function()
    say(message, level)
  end)
  api.nvim_create_autocmd('CmdlineLeave', { once = true, callback = later })
end

return say
