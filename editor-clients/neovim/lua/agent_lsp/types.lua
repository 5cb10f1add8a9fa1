-- The public contract as this client uses it; tests/e2e/test_neovim_contract.py holds it to agent_lsp/lsp/contract.py.

local M = {}

M.SERVER = 'agent-lsp'
M.PROTOCOL = 1
M.REQUEST_APPROVAL = 'agent/requestApproval'
M.NOTIFICATION_EVENT = 'agent/event'
M.RENDERS = { 'progress', 'approval', 'review', 'chat' }

M.command = {
  ask = 'agent.ask',
  cancel = 'agent.cancel',
}

M.event = {
  turn_started = 'turnStarted',
  prompt_joined = 'promptJoined',
  text_delta = 'textDelta',
  tool_call_started = 'toolCallStarted',
  tool_call_finished = 'toolCallFinished',
  approval_requested = 'approvalRequested',
  approval_decided = 'approvalDecided',
  retrying = 'retrying',
  turn_finished = 'turnFinished',
}

M.decision = {
  allow_once = 'allow_once',
  allow_session = 'allow_session',
  reject = 'reject',
}

---@class agent_lsp.Settings
---@field cmd string[] the daemon and its arguments
---@field root_markers string[] what lies in a workspace's root folder
---@field chat_width number the answer's share of the columns
---@field approval_height number the question's share of the lines, at most
---@field settings table<string, string|number|boolean> the daemon's settings, by the names they have in its files
---@field env table<string, string> more of the daemon's environment

---@class agent_lsp.Workspace one root folder, its daemon and its session
---@field root string
---@field client_id? integer
---@field session_id? string
---@field turns table<string, boolean> the turns that run
---@field waiting fun(client: vim.lsp.Client)[] what is to be done once the daemon has answered `initialize`
---@field ready boolean

---@class agent_lsp.Selection lines from 1 on; bytes from 0 on, up to but without `last_byte`
---@field first_line integer
---@field first_byte integer
---@field last_line integer
---@field last_byte integer

---@class agent_lsp.Hunk
---@field id string
---@field oldStart integer
---@field old string
---@field newStart integer
---@field new string

---@class agent_lsp.FileDiff
---@field uri string
---@field hunks agent_lsp.Hunk[]

---@class agent_lsp.Approval params of `agent/requestApproval`
---@field approvalId string
---@field sessionId string
---@field turnId string
---@field title string
---@field detail string
---@field diff? agent_lsp.FileDiff[]
---@field reason string
---@field choices string[]
---@field sessionRule string

---@class agent_lsp.Decision the answer to `agent/requestApproval`
---@field decision string
---@field feedback? string
---@field hunks? string[]

---@class agent_lsp.Event params of `agent/event`; which of the fields behind `kind` are there depends on it
---@field sessionId string
---@field turnId string
---@field kind string
---@field prompt? string
---@field text? string
---@field offset? integer
---@field callId? string
---@field title? string
---@field status? string
---@field result? string
---@field approvalId? string
---@field decision? string
---@field answered? boolean
---@field reason? string
---@field seconds? number
---@field stopReason? string
---@field usage? {inputTokens: integer, outputTokens: integer, steps: integer}
---@field cost? number
---@field costUnknown? boolean
---@field error? {kind: string, message: string}

return M
