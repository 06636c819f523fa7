// A conversation that keeps its history. What was computed for it stays in the prefix cache.
import { open } from 'dots.ts';

const model = await open('mini');
const conversation = model.conversation({ temperature: 0, maxTokens: 100 });
for (const question of ['Hello!', 'Who are you?', 'Why is the sky blue?']) {
  const { text } = await conversation.ask(question);
  console.log(`> ${question}\n${text}`);
}
console.log(`${conversation.messages.length} messages`);
await model.close();
