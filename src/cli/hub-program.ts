/** Commands on the cache of the hub. */
import type { Command } from 'commander';
import { addFileOptions, examples } from './options.ts';
import type { Session } from './session.ts';

const NAME = 'hf:OWNER/REPO[@REVISION][:QUANT]';

export function addHubCommands(program: Command, session: Session): void {
  const pull = program
    .command('pull')
    .description('download a model of the hub, or continue to; verifies its hash')
    .argument('<NAME>', NAME);
  addFileOptions(pull)
    .addHelpText('after', examples('pull hf:OWNER/REPO:Q4_K_M', 'pull hf:OWNER/REPO@main --json'))
    .action(async (name, flags) => (await import('./pull.ts')).pull(session, name, flags));

  const list = program.command('list').description('list downloaded models');
  addFileOptions(list)
    .addHelpText('after', examples('list', 'list --json'))
    .action(async (flags) => (await import('./list.ts')).list(session, flags));

  const rm = program
    .command('rm')
    .description('delete downloaded models')
    .argument('<NAMES...>', `${NAME}; without QUANT all of the repository`);
  addFileOptions(rm)
    .addHelpText('after', examples('rm hf:OWNER/REPO:Q4_K_M', 'rm hf:OWNER/REPO'))
    .action(async (names, flags) => (await import('./rm.ts')).rm(session, names, flags));
}
