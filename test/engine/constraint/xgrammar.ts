import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Xgrammar {
  accepts(schema: unknown, text: string): Promise<boolean>;
}

interface Library {
  readonly Grammar: {
    fromJSONSchema(schema: string, anyWhitespace: boolean): Promise<{ dispose(): void }>;
  };
  readonly Testings: { isGrammarAcceptString(grammar: unknown, text: string): Promise<boolean> };
}

/** The package is UMD but says that it is ESM; as a copy with the ending .cjs it loads. */
export function openXgrammar(): Xgrammar {
  const require = createRequire(import.meta.url);
  const folder = mkdtempSync(join(tmpdir(), 'dots-xgrammar-'));
  const copy = join(folder, 'index.cjs');
  cpSync(require.resolve('@mlc-ai/web-xgrammar'), copy);
  const { Grammar, Testings } = require(copy) as Library;
  rmSync(folder, { recursive: true });
  const grammars = new Map<string, Promise<unknown>>();
  return {
    accepts: async (schema, text) => {
      const key = JSON.stringify(schema);
      const grammar = grammars.get(key) ?? Grammar.fromJSONSchema(key, true);
      grammars.set(key, grammar);
      return Testings.isGrammarAcceptString(await grammar, text);
    },
  };
}
