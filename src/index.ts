/** The public surface of dots.ts. */
export {
  DotsError,
  FormatError,
  InternalError,
  ResourceError,
  ShapeError,
  UnsupportedError,
  UsageError,
} from './core/errors.ts';
export { type ConstraintSpec, compileConstraint } from './engine/constraint/compile-constraint.ts';
export type { Constraint, ConstraintState } from './engine/constraint/constraint.ts';
export type {
  ChosenLogprob,
  FinishEvent,
  FinishReason,
  GenerateEvent,
  PromptEndEvent,
  PromptProgressEvent,
  Timings,
  TokenDeltaEvent,
  TokenLogprob,
} from './engine/events.ts';
export type { GenerateOptions } from './engine/generate.ts';
export { type ChatOptions, Model, open } from './engine/model.ts';
export type { OpenOptions } from './engine/open.ts';
export type { ExpertIds } from './engine/routing.ts';
export type { PositionLogits } from './engine/score.ts';
export { type App, createApp } from './server/app.ts';
export type { ServerOptions } from './server/options.ts';
export type { ChatMessage } from './text/chat-template.ts';
export { CallMemory } from './text/tools/call-memory.ts';
export { ToolCallParser, type ToolCallParserOptions, type ToolDelta } from './text/tools/tool-call-parser.ts';
export type { ToolCall, ToolDefinition } from './text/tools/tool-format.ts';
export {
  messagesForTemplate,
  type ToolChatMessage,
  type ToolSupport,
  toolMessages,
  toolSupport,
} from './text/tools/tool-messages.ts';
