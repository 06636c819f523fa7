import type { ZodType } from 'zod';
import { messagesRequest } from './anthropic/messages-request.ts';
import type { GetHandler, PostHandler, Route } from './context.ts';
import { anthropicErrors, ollamaErrors, openaiErrors } from './error-shapes.ts';
import {
  ollamaChatRequest,
  ollamaEmbedRequest,
  ollamaGenerateRequest,
  ollamaShowRequest,
} from './ollama/ollama-request.ts';
import { chatRequest } from './openai/chat-request.ts';
import { completionRequest } from './openai/completion-request.ts';
import { embeddingsRequest } from './openai/embeddings-request.ts';
import { responsesRequest } from './openai/responses-request.ts';
import { chatCompletions } from './routes/chat-completions.ts';
import { completions } from './routes/completions.ts';
import { embeddings, ollamaEmbed } from './routes/embeddings.ts';
import { experts } from './routes/experts.ts';
import { health } from './routes/health.ts';
import { countTokens, messages } from './routes/messages.ts';
import { metrics } from './routes/metrics.ts';
import { listModels, oneModel } from './routes/models.ts';
import { ollamaChat, ollamaGenerate, ollamaShow, ollamaTags, ollamaVersion } from './routes/ollama.ts';
import { openapi } from './routes/openapi.ts';
import { props } from './routes/props.ts';
import { responses } from './routes/responses.ts';
import { slots } from './routes/slots.ts';
import {
  applyTemplate,
  applyTemplateRequest,
  detokenize,
  detokenizeRequest,
  tokenize,
  tokenizeRequest,
  tokenizerInfo,
} from './routes/tokenize.ts';
import { version } from './routes/version.ts';

const get = (handler: GetHandler, ...paths: string[]): Route => ({
  method: 'GET',
  name: paths[0],
  paths,
  errors: openaiErrors,
  handler,
});
/** `body`: what checks the request. */
const post = (handler: PostHandler, body: ZodType, ...paths: string[]): Route => ({
  method: 'POST',
  body,
  name: paths[0],
  paths,
  errors: openaiErrors,
  handler,
});

export const ROUTES: readonly Route[] = [
  { ...get(health, '/health', '/v1/health', '/ping'), isPublic: true },
  get(version, '/version'),
  get(
    openapi(() => ROUTES),
    '/openapi.json',
  ),
  get(slots, '/slots'),
  get(metrics, '/metrics'),
  get(listModels, '/v1/models', '/models'),
  { ...get(oneModel, '/v1/models/:id{.+}', '/models/:id{.+}'), name: '/v1/models/*' },
  get(props, '/props'),
  get(experts, '/dots/experts'),
  get(tokenizerInfo, '/tokenizer_info', '/v1/tokenizer_info'),
  post(chatCompletions, chatRequest, '/v1/chat/completions', '/chat/completions'),
  post(completions, completionRequest, '/v1/completions', '/completions'),
  post(embeddings, embeddingsRequest, '/v1/embeddings', '/embeddings'),
  post(responses, responsesRequest, '/v1/responses', '/responses'),
  { ...post(messages, messagesRequest, '/v1/messages'), errors: anthropicErrors },
  { ...post(countTokens, messagesRequest, '/v1/messages/count_tokens'), errors: anthropicErrors },
  post(tokenize, tokenizeRequest, '/tokenize', '/v1/tokenize'),
  post(detokenize, detokenizeRequest, '/detokenize', '/v1/detokenize'),
  post(applyTemplate, applyTemplateRequest, '/apply-template', '/v1/apply-template'),
  { ...post(ollamaChat, ollamaChatRequest, '/api/chat'), errors: ollamaErrors },
  { ...post(ollamaGenerate, ollamaGenerateRequest, '/api/generate'), errors: ollamaErrors },
  { ...post(ollamaEmbed, ollamaEmbedRequest, '/api/embed'), errors: ollamaErrors },
  { ...post(ollamaShow, ollamaShowRequest, '/api/show'), errors: ollamaErrors },
  { ...get(ollamaTags, '/api/tags'), errors: ollamaErrors },
  { ...get(ollamaVersion, '/api/version'), errors: ollamaErrors },
];
