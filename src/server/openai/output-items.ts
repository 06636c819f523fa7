import type { ToolCallParser, ToolDelta } from '../../text/tools/tool-call-parser.ts';
import { uniqueId } from '../ids.ts';

export interface ResponseEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

interface TextItem {
  readonly id: string;
  readonly type: 'message';
  status: string;
  readonly role: 'assistant';
  content: { readonly type: 'output_text'; text: string; readonly annotations: readonly [] }[];
}

interface CallItem {
  readonly id: string;
  readonly type: 'function_call';
  status: string;
  readonly call_id: string;
  readonly name: string;
  arguments: string;
}

/** Turns the text of an answer into output items of the responses API, and into the events that tell of them. */
export class OutputItems {
  readonly items: (TextItem | CallItem)[] = [];
  private readonly parser: ToolCallParser | undefined;
  private isOpen = false;

  constructor(parser: ToolCallParser | undefined) {
    this.parser = parser;
  }

  push(text: string): ResponseEvent[] {
    if (!this.parser) return text === '' ? [] : this.onDelta({ type: 'content', text });
    return this.parser.push(text).flatMap((delta) => this.onDelta(delta));
  }

  /** `isComplete`: the last item was not cut off. */
  finish(isComplete: boolean): ResponseEvent[] {
    const rest = (this.parser?.finish() ?? []).flatMap((delta) => this.onDelta(delta));
    return [...rest, ...this.close(isComplete ? 'completed' : 'incomplete')];
  }

  private get place(): { readonly item_id: string; readonly output_index: number } {
    const index = this.items.length - 1;
    return { item_id: this.items[index].id, output_index: index };
  }

  private onDelta(delta: ToolDelta): ResponseEvent[] {
    if (delta.type === 'content') {
      const events = this.isOpen && this.items.at(-1)?.type === 'message' ? [] : this.openText();
      (this.items.at(-1) as TextItem).content[0].text += delta.text;
      const event = {
        type: 'response.output_text.delta',
        ...this.place,
        content_index: 0,
        delta: delta.text,
      };
      return [...events, { ...event, logprobs: [] }];
    }
    if (delta.type === 'call-start') {
      const closing = this.close('completed');
      return [
        ...closing,
        ...this.open({
          id: uniqueId('fc_'),
          type: 'function_call',
          status: 'in_progress',
          call_id: delta.id,
          name: delta.name,
          arguments: '',
        }),
      ];
    }
    (this.items.at(-1) as CallItem).arguments += delta.text;
    return [{ type: 'response.function_call_arguments.delta', ...this.place, delta: delta.text }];
  }

  private openText(): ResponseEvent[] {
    const closing = this.close('completed');
    const id = uniqueId('msg_');
    const added = this.open({ id, type: 'message', status: 'in_progress', role: 'assistant', content: [] });
    const part = { type: 'output_text' as const, text: '', annotations: [] as const };
    (this.items.at(-1) as TextItem).content.push({ ...part });
    return [
      ...closing,
      ...added,
      { type: 'response.content_part.added', ...this.place, content_index: 0, part },
    ];
  }

  private open(item: TextItem | CallItem): ResponseEvent[] {
    this.items.push(item);
    this.isOpen = true;
    const { output_index } = this.place;
    return [{ type: 'response.output_item.added', output_index, item: structuredClone(item) }];
  }

  private close(status: string): ResponseEvent[] {
    const item = this.items.at(-1);
    if (!this.isOpen || !item) return [];
    this.isOpen = false;
    item.status = status;
    const { place } = this;
    const done = { type: 'response.output_item.done', output_index: place.output_index, item };
    if (item.type === 'function_call') {
      const { name, arguments: text } = item;
      return [{ type: 'response.function_call_arguments.done', ...place, name, arguments: text }, done];
    }
    const [part] = item.content;
    return [
      { type: 'response.output_text.done', ...place, content_index: 0, text: part.text, logprobs: [] },
      { type: 'response.content_part.done', ...place, content_index: 0, part },
      done,
    ];
  }
}
