import type { ChosenLogprob } from '../../engine/events.ts';
import type { ToolDelta } from '../../text/tools/tool-call-parser.ts';
import { uniqueId } from '../ids.ts';
import { ContentLogprobs } from './content-logprobs.ts';

interface TextPart {
  readonly type: 'output_text';
  text: string;
  readonly annotations: readonly [];
  readonly logprobs: object[];
}

interface MessageItem {
  readonly id: string;
  readonly type: 'message';
  readonly role: 'assistant';
  status: ItemStatus;
  content: TextPart[];
}

interface CallItem {
  readonly id: string;
  readonly type: 'function_call';
  readonly call_id: string;
  readonly name: string;
  status: ItemStatus;
  arguments: string;
}

type ItemStatus = 'in_progress' | 'completed' | 'incomplete';
export type OutputItem = MessageItem | CallItem;

/** An event of the stream, without its number. */
export interface ResponseEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

/**
 * What an answer consists of, and the events that report its progress. Every item is opened before its first delta
 * and closed before the next one is opened: clients throw otherwise.
 */
export class ResponseItems {
  readonly output: OutputItem[] = [];
  private open: OutputItem | undefined;
  private readonly logprobs = new ContentLogprobs();
  private readonly write: (entries: readonly ChosenLogprob[]) => readonly object[];

  /** `write`: log-probabilities as the API has them. */
  constructor(write: (entries: readonly ChosenLogprob[]) => readonly object[]) {
    this.write = write;
  }

  /** Log-probabilities of the text that comes next, if they were requested. */
  pushLogprobs(entries: readonly ChosenLogprob[] | undefined): void {
    this.logprobs.push(entries);
  }

  push(delta: ToolDelta): ResponseEvent[] {
    if (delta.type === 'content') {
      const events = this.open?.type === 'message' ? [] : [...this.close('completed'), ...this.openMessage()];
      const item = this.open as MessageItem;
      const [part] = item.content;
      const logprobs = this.write(this.logprobs.take(delta.text));
      part.text += delta.text;
      part.logprobs.push(...logprobs);
      return [
        ...events,
        { type: 'response.output_text.delta', ...this.partOf(item), delta: delta.text, logprobs },
      ];
    }
    if (delta.type === 'call-start') return [...this.close('completed'), ...this.openCall(delta)];
    const item = this.open as CallItem;
    item.arguments += delta.text;
    return [{ type: 'response.function_call_arguments.delta', ...this.placeOf(item), delta: delta.text }];
  }

  /** The end of the answer. One without a word is a message all the same. */
  finish(isComplete: boolean): ResponseEvent[] {
    const events = this.output.length === 0 ? this.openMessage() : [];
    return [...events, ...this.close(isComplete ? 'completed' : 'incomplete')];
  }

  private openMessage(): ResponseEvent[] {
    const item: MessageItem = {
      id: uniqueId('msg_'),
      type: 'message',
      role: 'assistant',
      status: 'in_progress',
      content: [],
    };
    const added = this.add(item);
    const part: TextPart = { type: 'output_text', text: '', annotations: [], logprobs: [] };
    item.content = [part];
    return [
      added,
      { type: 'response.content_part.added', ...this.partOf(item), part: { ...part, logprobs: [] } },
    ];
  }

  private openCall({ id, name }: { readonly id: string; readonly name: string }): ResponseEvent[] {
    return [
      this.add({
        id: uniqueId('fc_'),
        type: 'function_call',
        call_id: id,
        name,
        status: 'in_progress',
        arguments: '',
      }),
    ];
  }

  private add(item: OutputItem): ResponseEvent {
    this.output.push(item);
    this.open = item;
    return { type: 'response.output_item.added', output_index: this.output.length - 1, item: { ...item } };
  }

  private close(status: ItemStatus): ResponseEvent[] {
    const item = this.open;
    if (!item) return [];
    this.open = undefined;
    item.status = status;
    const { output_index } = this.placeOf(item);
    const done = { type: 'response.output_item.done', output_index, item };
    if (item.type === 'function_call') {
      const { name, arguments: text } = item;
      return [
        { type: 'response.function_call_arguments.done', ...this.placeOf(item), name, arguments: text },
        done,
      ];
    }
    const [part] = item.content;
    const place = this.partOf(item);
    return [
      { type: 'response.output_text.done', ...place, text: part.text, logprobs: part.logprobs },
      { type: 'response.content_part.done', ...place, part },
      done,
    ];
  }

  private placeOf(item: OutputItem): { item_id: string; output_index: number } {
    return { item_id: item.id, output_index: this.output.indexOf(item) };
  }

  private partOf(item: MessageItem): { item_id: string; output_index: number; content_index: number } {
    return { ...this.placeOf(item), content_index: 0 };
  }
}
