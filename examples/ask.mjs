// One question and its answer. `mini` is the model that ships with dots.ts; give the path of a GGUF file for another.
import { open } from 'dots.ts';

const model = await open('mini');
const { text, usage, timings } = await model.ask('Why does it rain?');
console.log(text);
console.log(`${usage.completionTokens} tokens, ${timings.predictedPerSecond.toFixed(0)} per second`);
await model.close();
