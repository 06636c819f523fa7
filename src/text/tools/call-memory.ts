import type { ToolCall } from './tool-format.ts';

/** Characters of arguments that are kept. */
const MAX_CHARACTERS = 8 * 2 ** 20;

/**
 * The exact arguments of calls that were generated, by id. Clients parse them and write them anew, with other white space;
 * the model has to see what it wrote, and the cache knows only that.
 */
export class CallMemory {
  private readonly calls = new Map<string, ToolCall>();
  private size = 0;

  remember(call: ToolCall): void {
    this.forget(call.id);
    this.calls.set(call.id, call);
    this.size += call.arguments.length;
    // Maps keep the order of insertion: the oldest go first.
    for (const id of this.calls.keys()) {
      if (this.size <= MAX_CHARACTERS) return;
      this.forget(id);
    }
  }

  /** The call as it was generated, if `call` still says the same. */
  recall(call: ToolCall): ToolCall | undefined {
    const known = this.calls.get(call.id);
    if (known?.name !== call.name) return undefined;
    return known.arguments === call.arguments || isSameJson(known.arguments, call.arguments)
      ? known
      : undefined;
  }

  private forget(id: string): void {
    this.size -= this.calls.get(id)?.arguments.length ?? 0;
    this.calls.delete(id);
  }
}

/** The same values with the same order of keys. */
function isSameJson(a: string, b: string): boolean {
  try {
    return JSON.stringify(JSON.parse(a)) === JSON.stringify(JSON.parse(b));
  } catch {
    return false;
  }
}
