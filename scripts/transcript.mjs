// Puts a true transcript into the README: runs the command above the markers and writes what it printed.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('../README.md', import.meta.url);
const readme = readFileSync(file, 'utf8');
const command = readme.match(/^npx dots ((?:run|chat) .*)$/m);
if (!command) throw new Error('README.md has no line that begins with "npx dots run" or "npx dots chat"');
const args = Array.from(command[1].matchAll(/"[^"]*"|\S+/g), ([arg]) => arg.replaceAll('"', ''));
const { stdout, stderr, status } = spawnSync(process.execPath, ['bin/dots.js', ...args], {
  cwd: new URL('..', import.meta.url),
  encoding: 'utf8',
});
if (status !== 0) throw new Error(stderr);
const shown = `${stdout.trim()}\n${stderr.trim()}`;
const section = /(<!-- transcript: [^\n]*-->\n)[\s\S]*?(<!-- \/transcript -->)/;
writeFileSync(
  file,
  readme.replace(section, (_, open, close) => `${open}\n\`\`\`\n${shown}\n\`\`\`\n\n${close}`),
);
