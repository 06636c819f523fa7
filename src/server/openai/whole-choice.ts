import type { ChunkChoice } from './chat-choice.ts';

interface WholeCall {
  readonly id: string;
  readonly type: 'function';
  readonly function: { readonly name: string; arguments: string };
}

/** Puts the chunks of one choice together to the `choices` entry of an answer without streaming. */
export class WholeChoice {
  private readonly index: number;
  private readonly wantsLogprobs: boolean;
  private content = '';
  private readonly calls: WholeCall[] = [];
  private readonly logprobs: object[] = [];
  private readonly tokenIds: number[] = [];
  private finishReason = '';

  constructor(index: number, wantsLogprobs: boolean) {
    this.index = index;
    this.wantsLogprobs = wantsLogprobs;
  }

  add({ delta, logprobs, token_ids, finish_reason }: ChunkChoice): void {
    if (finish_reason !== null) this.finishReason = finish_reason;
    this.content += delta.content ?? '';
    if (logprobs) this.logprobs.push(...logprobs.content);
    if (token_ids) this.tokenIds.push(...token_ids);
    for (const { index, id, function: part } of delta.tool_calls ?? []) {
      if (id !== undefined)
        this.calls[index] = { id, type: 'function', function: { name: part.name ?? '', arguments: '' } };
      this.calls[index].function.arguments += part.arguments;
    }
  }

  result(returnsTokens: boolean): object {
    const hasCalls = this.calls.length > 0;
    return {
      index: this.index,
      message: {
        role: 'assistant',
        content: hasCalls && this.content === '' ? null : this.content,
        refusal: null,
        // No key at all where there are no calls: clients test for its presence.
        ...(hasCalls && { tool_calls: this.calls }),
      },
      logprobs: this.wantsLogprobs ? { content: this.logprobs, refusal: null } : null,
      finish_reason: this.finishReason,
      ...(returnsTokens && { token_ids: this.tokenIds }),
    };
  }
}
