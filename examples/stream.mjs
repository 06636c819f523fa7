// Text as it is generated. The second answer is stopped by a signal, as a web server does when its client leaves.
import { open } from 'dots.ts';

const model = await open('mini');
for await (const event of model.chat('Tell me a short story about a dog.', { seed: 1 })) {
  if (event.type === 'token-delta') process.stdout.write(event.text);
  if (event.type === 'finish') console.log(`\n(${event.reason}: ${event.usage.completionTokens} tokens)`);
}

const controller = new AbortController();
try {
  for await (const event of model.chat('Tell me a long story.', { signal: controller.signal })) {
    if (event.type === 'token-delta') controller.abort();
  }
} catch (error) {
  if (!controller.signal.aborted) throw error;
  console.log('(stopped)');
}
await model.close();
