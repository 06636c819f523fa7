import type { ToolCallParser, ToolDelta } from '../../text/tools/tool-call-parser.ts';

/** An event of a stream; its `type` is also its name. */
export interface MessageEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

interface TextContent {
  readonly type: 'text';
  text: string;
}

interface CallContent {
  readonly type: 'tool_use';
  readonly id: string;
  readonly name: string;
  input: unknown;
}

/** Turns the text of an answer into blocks of content, and into their events. */
export class ContentBlocks {
  readonly content: (TextContent | CallContent)[] = [];
  private readonly parser: ToolCallParser | undefined;
  private isOpen = false;
  private json = '';

  constructor(parser: ToolCallParser | undefined) {
    this.parser = parser;
  }

  push(text: string): MessageEvent[] {
    if (!this.parser) return text === '' ? [] : this.onDelta({ type: 'content', text });
    return this.parser.push(text).flatMap((delta) => this.onDelta(delta));
  }

  /** `isCut`: the answer did not end by itself. */
  finish(isCut: boolean): MessageEvent[] {
    const rest = (this.parser?.finish(isCut) ?? []).flatMap((delta) => this.onDelta(delta));
    return [...rest, ...this.close()];
  }

  private onDelta(delta: ToolDelta): MessageEvent[] {
    const last = this.content.at(-1);
    if (delta.type === 'content') {
      const events = this.isOpen && last?.type === 'text' ? [] : this.open({ type: 'text', text: '' });
      (this.content.at(-1) as TextContent).text += delta.text;
      return [...events, this.blockDelta({ type: 'text_delta', text: delta.text })];
    }
    if (delta.type === 'call-start')
      return this.open({ type: 'tool_use', id: delta.id, name: delta.name, input: {} });
    this.json += delta.text;
    return [this.blockDelta({ type: 'input_json_delta', partial_json: delta.text })];
  }

  private open(block: TextContent | CallContent): MessageEvent[] {
    const events = this.close();
    this.content.push(block);
    this.isOpen = true;
    const shown = structuredClone(block);
    return [...events, { type: 'content_block_start', index: this.content.length - 1, content_block: shown }];
  }

  private close(): MessageEvent[] {
    if (!this.isOpen) return [];
    this.isOpen = false;
    const last = this.content.at(-1);
    if (last?.type === 'tool_use') last.input = parsedOrEmpty(this.json);
    this.json = '';
    return [{ type: 'content_block_stop', index: this.content.length - 1 }];
  }

  private blockDelta(delta: object): MessageEvent {
    return { type: 'content_block_delta', index: this.content.length - 1, delta };
  }
}

/** Arguments that the token limit cut off are not JSON. */
function parsedOrEmpty(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return {};
  }
}
