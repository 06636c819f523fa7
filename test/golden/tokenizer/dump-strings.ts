// Writes the test strings, one JSON string a line, for record.py:
//   node dump-strings.ts > strings.jsonl        (Node 22.18 or later, which runs TypeScript)
import { fixtureVocabulary } from '../../text/fixture.ts';
import { testStrings } from '../../text/strings.ts';

for (const { text } of testStrings(fixtureVocabulary())) process.stdout.write(`${JSON.stringify(text)}\n`);
