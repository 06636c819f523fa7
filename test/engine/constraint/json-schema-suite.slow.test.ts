/**
 * The JSON Schema Test Suite (MIT), which is not part of this project: any copy of it will do, such as `json/` in the source
 * archive of the Python package jsonschema. DOTS_JSON_SCHEMA_SUITE names the folder that has `tests/draft2020-12`.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/core/errors.ts';
import { compileConstraint } from '../../../src/engine/constraint/compile-constraint.ts';
import type { Constraint } from '../../../src/engine/constraint/constraint.ts';
import { FORMATS } from '../../../src/engine/constraint/formats.ts';
import { acceptsText, constraintTokenizer } from './random-answer.ts';

interface Group {
  readonly description: string;
  readonly schema: unknown;
  readonly tests: readonly {
    readonly description: string;
    readonly data: unknown;
    readonly valid: boolean;
  }[];
}

const suite = process.env.DOTS_JSON_SCHEMA_SUITE;
const why = !suite
  ? 'DOTS_JSON_SCHEMA_SUITE does not name a copy of the suite'
  : existsSync(join(suite, 'tests'))
    ? undefined
    : `there is no folder "tests" in ${suite}`;

/** Files whose subject docs/structured-output.md says is not enforced. */
const NOT_ENFORCED: Readonly<Record<string, string>> = {
  'oneOf.json': 'as anyOf',
  'uniqueItems.json': 'for lists of few values only',
};

const tokenizer = constraintTokenizer();

/** Undefined for a schema that is refused. */
function compiled(schema: unknown): Constraint | 'nothing' | undefined {
  try {
    return compileConstraint({ type: 'json-schema', schema }, tokenizer);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return error.code === 'unsatisfiable-constraint' ? 'nothing' : undefined;
  }
}

describe.skipIf(why)(`the JSON Schema Test Suite${why ? ` (skipped: ${why})` : ''}`, () => {
  it.each(['draft2020-12', 'draft7'])('%s: no schema that compiles accepts an invalid instance', (draft) => {
    const folder = join(suite as string, 'tests', draft);
    const wrong: string[] = [];
    let numGroups = 0;
    let numCompiled = 0;
    let numValid = 0;
    let numAccepted = 0;
    const formats = Object.keys(FORMATS)
      .map((name) => join('optional', 'format', `${name}.json`))
      .filter((file) => existsSync(join(folder, file)));
    const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
    for (const file of [...files, ...formats]) {
      for (const group of JSON.parse(readFileSync(join(folder, file), 'utf8')) as Group[]) {
        const constraint = compiled(group.schema);
        if (files.includes(file)) {
          numGroups++;
          if (constraint) numCompiled++;
        }
        if (!constraint) continue;
        for (const { description, data, valid } of group.tests) {
          const accepts =
            constraint !== 'nothing' && acceptsText(constraint, tokenizer, JSON.stringify(data));
          if (valid) {
            numValid++;
            if (accepts) numAccepted++;
          } else if (accepts && !(file in NOT_ENFORCED)) {
            wrong.push(`${file}: ${group.description}: ${description}: ${JSON.stringify(data)}`);
          }
        }
      }
    }
    // biome-ignore lint/suspicious/noConsole: figures for whoever runs it.
    console.info(
      `${draft}: ${numCompiled} of ${numGroups} schemas compile; ` +
        `of their valid instances ${numAccepted} of ${numValid} are possible answers`,
    );
    expect(wrong).toEqual([]);
    expect(numCompiled).toBeGreaterThan(numGroups / 2);
  });
});
