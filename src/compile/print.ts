import { formatShape } from '../graph/dim.ts';
import type { Program, ValueId } from './program.ts';

/**
 * A program as text, one instruction a line, made to be read and compared in reviews:
 * `%3 = rmsNorm(%2, layers.0.attentionNorm, eps=0.00001) : f32[T,128] @1`; the number after @ is the slot.
 */
export function printProgram(program: Program): string {
  const nameOf = (id: ValueId): string => {
    const value = program.values[id];
    return value.kind === 'slot' ? `%${id}` : value.name;
  };
  const lines = [`program ${program.name}`];
  for (const kind of ['input', 'state', 'weight'] as const) {
    const sources = new Map(
      program.values.flatMap((value) => (value.kind === kind ? [[value.name, value]] : [])),
    );
    for (const value of sources.values())
      lines.push(`  ${kind} ${value.name} ${value.type}${formatShape(value.shape)}`);
  }
  for (const { op, inputs, output, attributes } of program.instructions) {
    const args = [
      ...inputs.map(nameOf),
      ...Object.entries(attributes).map(([key, value]) => `${key}=${value}`),
    ];
    const value = program.values[output];
    const slot = value.kind === 'slot' ? ` @${value.slot}` : '';
    lines.push(
      `  ${nameOf(output)} = ${op}(${args.join(', ')}) : ${value.type}${formatShape(value.shape)}${slot}`,
    );
  }
  for (const [name, id] of Object.entries(program.outputs)) lines.push(`  output ${name} = ${nameOf(id)}`);
  lines.push(`  ${program.slots.length} slots of working memory`);
  return `${lines.join('\n')}\n`;
}
