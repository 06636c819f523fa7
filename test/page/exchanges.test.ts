import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { asCurl, Exchanges } from '../../page/src/core/exchanges.ts';

describe('asCurl()', () => {
  const body = JSON.stringify({ messages: [{ role: 'user', content: `It's "$HOME" \`x\`\nEND\n\\` }] });
  const exchange = { url: "http://127.0.0.1:8000/it's/v1", hasKey: true, body, payloads: [], isCut: false };

  it('sends the same words, whatever a shell would make of them, and has no key', () => {
    const shell = asCurl(exchange).replace(
      /^curl/,
      'node -e "process.stdout.write(JSON.stringify(process.argv.slice(1)) + require(\'fs\').readFileSync(0))" --',
    );
    const said = execFileSync('sh', ['-c', shell], {
      encoding: 'utf8',
      env: { ...process.env, API_KEY: 'k' },
    });
    const end = said.indexOf(']') + 1;
    expect(JSON.parse(said.slice(0, end))).toEqual([
      '-N',
      exchange.url,
      '-H',
      'content-type: application/json',
      '-H',
      'authorization: Bearer k',
      '--data-binary',
      '@-',
    ]);
    expect(JSON.parse(said.slice(end))).toEqual(JSON.parse(body));
    expect(asCurl({ ...exchange, hasKey: false })).not.toContain('authorization');
  });
});

describe('Exchanges', () => {
  it('keeps the newest 20, each up to a size, and of one that was sent twice the second', () => {
    const exchanges = new Exchanges();
    for (let i = 0; i < 30; i++) {
      const log = exchanges.start(`m${i}`);
      log.onRequest('u', 'first', false);
      log.onPayload('busy');
      log.onRequest('u', 'second', false);
      for (let k = 0; k < 3; k++) log.onPayload('x'.repeat(200_000));
      log.end();
    }
    const kept = exchanges.byMessage.value;
    expect([...kept.keys()]).toEqual(Array.from({ length: 20 }, (_, i) => `m${i + 10}`));
    expect(kept.get('m29')).toMatchObject({ body: 'second', isCut: true });
    expect(kept.get('m29')?.payloads).toHaveLength(2);
  });
});
