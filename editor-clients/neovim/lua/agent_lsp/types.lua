-- The public contract as this client uses it; tests/e2e/test_neovim_contract.py holds it to agent_lsp/lsp/contract.py.

local M = {}

M.SERVER = 'agent-lsp'
M.PROTOCOL = 1
M.REQUEST_APPROVAL = 'agent/requestApproval'
M.NOTIFICATION_EVENT = 'agent/event'
M.RENDERS = { 'progress', 'approval', 'review', 'chat', 'trust' }

M.command = {
  ask = 'agent.ask',
  cancel = 'agent.cancel',
  continue = 'agent.continue',
  session = 'agent.session',
  sessions = 'agent.sessions',
  status = 'agent.status',
  trust = 'agent.trust',
  redo = 'agent.redo',
  undo = 'agent.undo',
}

M.event = {
  turn_started = 'turnStarted',
  prompt_joined = 'promptJoined',
  text_delta = 'textDelta',
  tool_call_started = 'toolCallStarted',
  tool_call_output = 'toolCallOutput',
  tool_call_finished = 'toolCallFinished',
  approval_requested = 'approvalRequested',
  approval_decided = 'approvalDecided',
  usage_updated = 'usageUpdated',
  retrying = 'retrying',
  turn_finished = 'turnFinished',
}

M.entry = {
  message = 'message',
  approval_decided = 'approvalDecided',
  turn_ended = 'turnEnded',
}

M.decision = {
  allow_once = 'allow_once',
  allow_session = 'allow_session',
  allow_always = 'allow_always',
  reject = 'reject',
}

---@alias agent_lsp.SettingValue string|number|boolean|table a table is a list of texts, or a table by name

---@class agent_lsp.Settings
---@field cmd string[] the daemon and its arguments
---@field root_markers string[] what lies in a workspace's root folder
---@field chat_width number the answer's share of the columns
---@field approval_height number the question's share of the lines, at most
---@field settings table<string, agent_lsp.SettingValue> the daemon's settings, by the names they have in its files
---@field env table<string, string> more of the daemon's environment

---@class agent_lsp.Workspace one root folder, its daemon and its session
---@field root string
---@field client_id? integer
---@field session_id? string
---@field turns table<string, boolean> the turns that run
---@field waiting fun(client: vim.lsp.Client)[] what is to be done once the daemon has answered `initialize`
---@field ready boolean
---@field told_digest? string of what the user was told that it waits for trust

---@class agent_lsp.Trust the answer of `agent.trust`
---@field trusted boolean
---@field digest string
---@field files {uri: string, text: string, problem?: string}[] what would act; `text` is escaped
---@field changed string[] URIs of what is not as it was when it was trusted

---@class agent_lsp.Restored the answer of undo and redo
---@field restored string[] URIs
---@field kept agent_lsp.Kept[]

---@class agent_lsp.Kept a file that was left as it is
---@field uri string
---@field why string

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
---@field alwaysRule string
---@field taint? string where untrusted text came from that was read
---@field document? string URI of all of it, where `detail` has only its ends

---@class agent_lsp.Decision the answer to `agent/requestApproval`
---@field decision string
---@field feedback? string
---@field hunks? string[]

---@class agent_lsp.Session one of the answer of `agent.sessions`
---@field sessionId string
---@field title string
---@field updatedAt string RFC 3339, UTC
---@field cost? number USD

---@class agent_lsp.Entry one of the answer of `agent.session`; which fields are there depends on `kind`
---@field kind string
---@field role? string
---@field text? string
---@field parts? agent_lsp.Part[]
---@field results? {callId: string, status: string, text: string}[]
---@field approvalId? string
---@field title? string
---@field decision? string
---@field answered? boolean
---@field stopReason? string
---@field usage? {inputTokens: integer, outputTokens: integer, steps: integer}
---@field cost? number
---@field costUnknown? boolean
---@field error? string

---@class agent_lsp.Part one of an answer: text, thinking or a tool call
---@field type string
---@field text? string
---@field callId? string
---@field tool? string
---@field arguments? string JSON, as the model wrote it

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
