-- `:checkhealth agent_lsp`: Neovim, the daemon and what it says of itself, where it runs, and what to do.

local types = require('agent_lsp.types')

local M = {}

local SECONDS = 20

---Runs the program of the daemon with other words than `serve`, in the daemon's environment.
---@param words string[]
---@return vim.SystemCompleted? result nil where the command does not end in `serve`
local function run(words)
  local command = vim.deepcopy(require('agent_lsp').settings.cmd)
  if table.remove(command) ~= 'serve' then
    return nil
  end
  vim.list_extend(command, words)
  local env = require('agent_lsp.client').full_environment()
  local started, process = pcall(vim.system, command, { env = env, text = true, timeout = SECONDS * 1000 })
  return started and process:wait() or { code = -1, signal = 0, stdout = '', stderr = tostring(process) }
end

local function check_neovim()
  vim.health.start('Neovim')
  local version = tostring(vim.version())
  if vim.fn.has('nvim-0.11') == 1 then
    vim.health.ok('version ' .. version)
  else
    vim.health.error('version ' .. version .. ' is too old', 'Update to Neovim 0.11 or newer')
  end
end

---@param result vim.SystemCompleted
---@return {name: string, version: string, protocol: integer}?
local function identity(result)
  local read, told = pcall(vim.json.decode, result.stdout)
  return result.code == 0 and read and type(told) == 'table' and told.name == types.SERVER and told or nil
end

---@param path string
---@param result vim.SystemCompleted
---@return boolean whether it is a daemon of ours that speaks as we do
local function check_identity(path, result)
  local told = identity(result)
  if not told then
    local remedy = 'Set cmd in setup() to the agent-lsp daemon: another program has the same name'
    vim.health.error(path .. ' is another program', remedy)
    return false
  end
  local which = ('%s %s, protocol %d: %s'):format(told.name, told.version, told.protocol, path)
  if told.protocol ~= types.PROTOCOL then
    vim.health.error(which, ('This plugin speaks protocol %d: update the older one'):format(types.PROTOCOL))
    return false
  end
  vim.health.ok(which)
  return true
end

---@return boolean whether it could be asked more
local function check_daemon()
  vim.health.start('Daemon')
  local command = require('agent_lsp').settings.cmd
  local path = vim.fn.exepath(command[1])
  if path == '' then
    local remedy =
      "Install agent-lsp, or name it: require('agent_lsp').setup({ cmd = { '/path/to/agent-lsp', 'serve' } })"
    vim.health.error(("'%s' is not there"):format(command[1]), remedy)
    return false
  end
  local result = run({ '--version', '--json' })
  if not result then
    vim.health.warn(
      ("'%s' does not end in 'serve': it cannot be asked for its version"):format(table.concat(command, ' '))
    )
    return false
  end
  return check_identity(path, result)
end

local function check_doctor()
  vim.health.start('agent-lsp doctor')
  local result = assert(run({ 'doctor' }))
  for _, line in ipairs(vim.split(result.stdout .. result.stderr, '\n', { trimempty = true })) do
    if line:find('problem', 1, true) then
      vim.health.error((line:gsub('%s+', ' ')), 'See :help agent_lsp-model')
    else
      vim.health.info((line:gsub('%s+', ' ')))
    end
  end
  if result.code == 0 then
    vim.health.ok('a turn can begin')
  else
    vim.health.error(('no turn can begin (code %d)'):format(result.code), 'See :help agent_lsp-model')
  end
end

local function check_clients()
  vim.health.start('Workspaces')
  local some = false
  for _, workspace in ipairs(require('agent_lsp.client').workspaces()) do
    local client = workspace.ready and vim.lsp.get_client_by_id(workspace.client_id)
    if client then
      some = true
      local files = vim.tbl_count(client.attached_buffers)
      vim.health.ok(
        ('%s: the daemon runs, with %d open %s'):format(workspace.root, files, files == 1 and 'file' or 'files')
      )
    end
  end
  if not some then
    vim.health.info('No daemon runs: the first :Agent starts it')
  end
end

---Called by `:checkhealth`.
function M.check()
  check_neovim()
  if check_daemon() then
    check_doctor()
  end
  check_clients()
end

return M
