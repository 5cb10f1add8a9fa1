-- The daemon: started with the first ask of a workspace, attached to the files in it, found again after its death.

local api = vim.api
local say = require('agent_lsp.say')
local status = require('agent_lsp.status')
local types = require('agent_lsp.types')

local M = {}

local ANSWER_SECONDS = 20
local ERROR = vim.log.levels.ERROR
local RENDERS = { types.surface.progress, types.surface.approval, types.surface.chat, types.surface.trust }

---@type table<string, agent_lsp.Workspace>
local workspaces = {}

---@param buf integer
---@return boolean
local function is_file(buf)
  return api.nvim_buf_is_loaded(buf) and vim.bo[buf].buftype == '' and api.nvim_buf_get_name(buf) ~= ''
end

---@param buf integer
---@return string
local function root_of(buf)
  if vim.b[buf].agent_lsp_root then
    return vim.b[buf].agent_lsp_root
  end
  local here = vim.fn.getcwd()
  if not is_file(buf) then
    return vim.fs.root(here, require('agent_lsp').settings.root_markers) or here
  end
  local file = vim.fs.normalize(vim.fs.abspath(api.nvim_buf_get_name(buf)))
  local marked = vim.fs.root(file, require('agent_lsp').settings.root_markers)
  return marked or (vim.fs.relpath(here, file) and here) or vim.fs.dirname(file)
end

---The workspace of a buffer.
---@param buf integer
---@return agent_lsp.Workspace
function M.workspace(buf)
  local root = root_of(buf)
  workspaces[root] = workspaces[root] or { root = root, turns = {}, waiting = {}, ready = false }
  return workspaces[root]
end

---@return agent_lsp.Workspace[]
function M.workspaces()
  return vim.tbl_values(workspaces)
end

---@param workspace agent_lsp.Workspace
---@param buf integer
local function attach(workspace, buf)
  if workspace.ready and is_file(buf) and vim.fs.relpath(workspace.root, api.nvim_buf_get_name(buf)) then
    vim.lsp.buf_attach_client(buf, workspace.client_id)
  end
end

---@param workspace agent_lsp.Workspace
local function attach_all(workspace)
  for _, buf in ipairs(api.nvim_list_bufs()) do
    attach(workspace, buf)
  end
end

local function attach_new_files()
  api.nvim_create_autocmd({ 'BufReadPost', 'BufNewFile', 'BufFilePost', 'BufWritePost' }, {
    group = api.nvim_create_augroup('agent_lsp', { clear = true }),
    callback = vim.schedule_wrap(function(args) -- later, so that the file's type is known
      for _, workspace in pairs(workspaces) do
        if api.nvim_buf_is_valid(args.buf) then
          attach(workspace, args.buf)
        end
      end
    end),
  })
end

---@param workspace agent_lsp.Workspace
---@param message string
local function fail(workspace, message)
  workspace.waiting = {}
  require('agent_lsp.chat').note(message, workspace.session_id, workspace.root)
  say(message, ERROR)
end

---What answered is not our daemon; its end is no news then.
---@param workspace agent_lsp.Workspace
---@param client vim.lsp.Client
---@param message string
local function leave(workspace, client, message)
  workspace.client_id = nil
  client:stop(true)
  fail(workspace, message)
end

---@param result lsp.InitializeResult
---@return string?
local function stranger(result)
  local name = result.serverInfo and result.serverInfo.name or 'without a name'
  local command = table.concat(require('agent_lsp').settings.cmd, ' ')
  if name ~= types.SERVER then
    return ("'%s' is another program (%s): set cmd to the agent-lsp daemon"):format(command, name)
  end
  local agent = (result.capabilities.experimental or {}).agent or {}
  if agent.protocol ~= types.PROTOCOL then
    return ("'%s' speaks protocol %s and this plugin %d: update the older one"):format(
      command,
      agent.protocol,
      types.PROTOCOL
    )
  end
end

---@param workspace agent_lsp.Workspace
---@param client vim.lsp.Client
---@param result lsp.InitializeResult
local function begin(workspace, client, result)
  local why = stranger(result)
  if why then
    return leave(workspace, client, why)
  end
  workspace.ready = true
  status.refresh()
  attach_all(workspace)
  attach_new_files()
  local waiting = workspace.waiting
  workspace.waiting = {}
  for _, run in ipairs(waiting) do
    run(client)
  end
  require('agent_lsp.trust').remind(workspace, client)
end

---@param workspace agent_lsp.Workspace
---@param client_id integer
---@param how string
local function ended(workspace, client_id, how)
  if workspace.client_id ~= client_id then
    return
  end
  local was_ready, in_turn, waiting = workspace.ready, next(workspace.turns), workspace.waiting
  workspace.client_id, workspace.ready, workspace.turns = nil, false, {}
  require('agent_lsp.approval').drop(client_id)
  status.refresh()
  if not was_ready then
    local command = table.concat(require('agent_lsp').settings.cmd, ' ')
    return fail(workspace, ("'%s' ended (%s) before it answered: is it the agent-lsp daemon?"):format(command, how))
  end
  local when = in_turn and ' in mid-turn' or ''
  fail(workspace, ('the daemon ended%s (%s); :Agent starts it again and the session goes on'):format(when, how))
  if #waiting > 0 then
    workspace.waiting = waiting
    M.start(workspace)
  end
end

---The daemon as vim.lsp wants it. Its end is told by us in one line, so vim.lsp is told of a quiet one.
---@param workspace agent_lsp.Workspace
local function program(workspace)
  local command = require('agent_lsp').settings.cmd
  return function(dispatchers)
    local client_id
    local quiet = dispatchers.on_exit
    dispatchers.on_exit = function(code, signal)
      quiet(0, 0)
      vim.schedule(function()
        if vim.v.exiting == vim.NIL then
          ended(workspace, client_id, signal ~= 0 and 'signal ' .. signal or 'code ' .. code)
        end
      end)
    end
    vim.schedule(function()
      client_id = workspace.client_id
    end)
    return vim.lsp.rpc.start(command, dispatchers, { cwd = workspace.root, env = M.full_environment() })
  end
end

---@param value agent_lsp.SettingValue
---@return string
local function written(value)
  if type(value) ~= 'table' then
    return tostring(value)
  end
  return vim.tbl_isempty(value) and '[]' or vim.json.encode(value) -- an empty table is taken for a list
end

---Settings as the daemon's environment has them: `maxCost` is AGENT_LSP_MAX_COST, lists and tables are JSON.
---@param settings table<string, agent_lsp.SettingValue>
---@return table<string, string>
function M.environment(settings)
  local env = {}
  for name, value in pairs(settings) do
    env['AGENT_LSP_' .. name:gsub('%u', '_%0'):upper()] = written(value)
  end
  return env
end

---What the daemon's environment has more than Neovim's.
---@return table<string, string>
function M.full_environment()
  local settings = require('agent_lsp').settings
  return vim.tbl_extend('force', M.environment(settings.settings), settings.env)
end

---@param workspace agent_lsp.Workspace
---@param event agent_lsp.AgentEvent
local function take(workspace, event)
  require('agent_lsp.chat').take(event, workspace.root)
  if event.kind == types.event_kind.turn_started then
    workspace.turns[event.turnId] = true
  elseif event.kind == types.event_kind.approval_decided then
    require('agent_lsp.approval').settled(event.approvalId)
  elseif event.kind == types.event_kind.turn_finished then
    workspace.turns[event.turnId] = nil
    if event.error then
      say(event.error.message, ERROR)
    elseif not require('agent_lsp.chat').visible() then
      say(event.stopReason == types.stop_reason.end_turn and 'done' or event.stopReason)
    end
  end
  local lsp = workspace.client_id and vim.lsp.get_client_by_id(workspace.client_id)
  status.take(event, lsp)
  if event.kind == types.event_kind.turn_started and lsp then
    require('agent_lsp.trust').remind(workspace, lsp) -- what would act may have changed
  end
end

---Starts the daemon of a workspace.
---@param workspace agent_lsp.Workspace
function M.start(workspace)
  local command = require('agent_lsp').settings.cmd
  if vim.fn.executable(command[1]) == 0 then
    return fail(workspace, ("'%s' is not there: install agent-lsp, or set cmd in setup()"):format(command[1]))
  end
  workspace.client_id = vim.lsp.start({
    name = types.SERVER,
    cmd = program(workspace),
    root_dir = workspace.root,
    init_options = {
      agent = { protocol = types.PROTOCOL, events = true, approvals = true, renders = RENDERS },
    },
    handlers = {
      [types.NOTIFICATION_EVENT] = function(_, event)
        take(workspace, event)
      end,
      [types.REQUEST_APPROVAL] = function(...)
        return require('agent_lsp.approval').ask(...)
      end,
      ['workspace/applyEdit'] = function(...)
        return require('agent_lsp.edits').apply(...)
      end,
    },
    on_init = function(client, result)
      begin(workspace, client, result)
    end,
  }, {
    attach = false,
    reuse_client = function()
      return false
    end,
  })
  vim.defer_fn(function()
    local client = not workspace.ready and workspace.client_id and vim.lsp.get_client_by_id(workspace.client_id)
    if client then
      leave(workspace, client, ("'%s' does not answer: is it the agent-lsp daemon?"):format(command[1]))
    end
  end, ANSWER_SECONDS * 1000)
end

---Runs something with the workspace's daemon, which is started if there is none.
---@param workspace agent_lsp.Workspace
---@param run fun(client: vim.lsp.Client)
function M.with(workspace, run)
  local client = workspace.client_id and vim.lsp.get_client_by_id(workspace.client_id)
  if client and workspace.ready and not client:is_stopped() then
    attach_all(workspace) -- also what was opened just now
    return run(client)
  end
  table.insert(workspace.waiting, run)
  if not workspace.client_id then
    M.start(workspace)
  end
end

---Calls a command of the daemon. What goes wrong is said to the user.
---@param workspace agent_lsp.Workspace
---@param name string
---@param params fun(client: vim.lsp.Client): table
---@param buf integer
---@param done fun(result: table)
function M.call(workspace, name, params, buf, done)
  M.with(workspace, function(client)
    local command = { title = name, command = name, arguments = { params(client) } }
    client:exec_cmd(command, { bufnr = api.nvim_buf_is_valid(buf) and buf or nil }, function(error, result)
      local wrong = error or (result and result.error)
      if wrong then
        fail(workspace, wrong.message)
      else
        done(result)
      end
    end)
  end)
end

---Forgets what waits for a daemon that is still starting.
---@param workspace agent_lsp.Workspace
---@return boolean whether there was anything
function M.forget(workspace)
  local some = #workspace.waiting > 0
  workspace.waiting = {}
  return some
end

return M
