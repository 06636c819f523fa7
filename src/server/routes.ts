import type { GetHandler, PostHandler, Route } from './context.ts';
import { anthropicErrors, openaiErrors } from './error-shapes.ts';
import { chatCompletions } from './routes/chat-completions.ts';
import { completions } from './routes/completions.ts';
import { experts } from './routes/experts.ts';
import { health } from './routes/health.ts';
import { countTokens, messages } from './routes/messages.ts';
import { metrics } from './routes/metrics.ts';
import { listModels, oneModel } from './routes/models.ts';
import { props } from './routes/props.ts';
import { responses } from './routes/responses.ts';
import { applyTemplate, detokenize, tokenize, tokenizerInfo } from './routes/tokenize.ts';

const get = (handler: GetHandler, ...paths: string[]): Route => ({
  method: 'GET',
  name: paths[0],
  paths,
  errors: openaiErrors,
  handler,
});
const post = (handler: PostHandler, ...paths: string[]): Route => ({
  method: 'POST',
  name: paths[0],
  paths,
  errors: openaiErrors,
  handler,
});

export const ROUTES: readonly Route[] = [
  { ...get(health, '/health', '/v1/health'), isPublic: true },
  get(metrics, '/metrics'),
  get(listModels, '/v1/models', '/models'),
  { ...get(oneModel, '/v1/models/:id{.+}', '/models/:id{.+}'), name: '/v1/models/*' },
  get(props, '/props'),
  get(experts, '/dots/experts'),
  get(tokenizerInfo, '/tokenizer_info', '/v1/tokenizer_info'),
  post(chatCompletions, '/v1/chat/completions', '/chat/completions'),
  post(completions, '/v1/completions', '/completions'),
  post(responses, '/v1/responses', '/responses'),
  { ...post(messages, '/v1/messages'), errors: anthropicErrors },
  { ...post(countTokens, '/v1/messages/count_tokens'), errors: anthropicErrors },
  post(tokenize, '/tokenize', '/v1/tokenize'),
  post(detokenize, '/detokenize', '/v1/detokenize'),
  post(applyTemplate, '/apply-template', '/v1/apply-template'),
];
