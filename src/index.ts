/** The public surface of dots.ts. */
// Declarations name Symbol.asyncDispose, AbortSignal and Response, which a program's own "lib" and "types" may lack.
/// <reference lib="esnext.disposable" preserve="true" />
/// <reference types="node" preserve="true" />

export {
  DotsError,
  FormatError,
  InternalError,
  ResourceError,
  ShapeError,
  UnsupportedError,
  UsageError,
} from './core/errors.ts';
export { type DecodedHtml, decodeHtml } from './data/extract/decode-html.ts';
export {
  type ExtractedPage,
  type ExtractOptions,
  extractPage,
  type ScoredLine,
} from './data/extract/extract-page.ts';
export type { PageType } from './data/extract/page-features.ts';
export type {
  Answer,
  ChatEvent,
  ChatFinishEvent,
  ChatOptions,
  Message,
  Tool,
  ToolCallEvent,
  ToolResultEvent,
  Usage,
} from './engine/chat.ts';
export { type ConstraintSpec, compileConstraint } from './engine/constraint/compile-constraint.ts';
export type { Constraint, ConstraintState } from './engine/constraint/constraint.ts';
export { Conversation, type ConversationOptions } from './engine/conversation.ts';
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
export { Model, open } from './engine/model.ts';
export type { ModelSource } from './engine/model-source.ts';
export type { OpenOptions } from './engine/open.ts';
export type { ExpertIds } from './engine/routing.ts';
export type { SamplingOptions } from './engine/sampling-options.ts';
export type { PositionLogits } from './engine/score.ts';
export type { ModelConfig } from './model/architecture.ts';
export { type App, createApp } from './server/app.ts';
export { type CreateServerOptions, createServer, type RunningServer } from './server/create-server.ts';
export type { ServerOptions } from './server/options.ts';
export type { ChatMessage } from './text/chat-template.ts';
export type { Tokenizer } from './text/tokenizer.ts';
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
