/** Names of models on the hub: `hf:OWNER/REPO[@REVISION][:QUANT]`. */
import { UsageError } from '../core/errors.ts';

export interface HubName {
  readonly owner: string;
  readonly repository: string;
  /** A branch, a tag, `refs/pr/N` or a commit. */
  readonly revision: string;
  /** Label of a quantised model (`Q4_K_M`), path of a file, or `safetensors`; undefined: the only model there is. */
  readonly quant: string | undefined;
}

export const DEFAULT_REVISION = 'main';

const PREFIX = 'hf:';
// The rules of the hub: letters, digits, - _ and ., at most 96 characters, no -- and no .. within. The cache relies on them:
// its folder names join owner and repository with --.
const PART = /^(?!.*(?:--|\.\.))[A-Za-z0-9_](?:[\w.-]{0,94}[A-Za-z0-9_])?$/;
const REVISION = /^(?!.*(?:\.\.|\/\/|\.lock$))[A-Za-z0-9_](?:[\w./+-]{0,200}[\w+-])?$/;
const COMMIT = /^[0-9a-f]{40}$/;

/** Whether a MODEL is one on the hub. */
export function isHubName(text: string): boolean {
  return text.startsWith(PREFIX);
}

/** Read `hf:OWNER/REPO[@REVISION][:QUANT]`; the prefix may be left out. Throws `UsageError` (`bad-hub-name`). */
export function parseHubName(text: string): HubName {
  const given = isHubName(text) ? text.slice(PREFIX.length) : text;
  const [, owner, repository, revision = DEFAULT_REVISION, quant] =
    /^([^/@:]+)\/([^/@:]+)(?:@([^:]*))?(?::(.*))?$/s.exec(given) ?? [];
  const isValid =
    owner !== undefined &&
    PART.test(owner) &&
    PART.test(repository) &&
    REVISION.test(revision) &&
    quant !== '' &&
    (quant === undefined || isPlainText(quant));
  if (isValid) return { owner, repository, revision, quant };
  throw new UsageError(`${JSON.stringify(text)} is not the name of a model on the hub`, {
    code: 'bad-hub-name',
    hint: /^https?:/.test(given)
      ? 'give hf:OWNER/REPO, the last two parts of the address'
      : 'write hf:OWNER/REPO, hf:OWNER/REPO:Q4_K_M for one of its files, or hf:OWNER/REPO@REVISION',
  });
}

/** `OWNER/REPO`, as the hub spells it. */
export function repositoryId({ owner, repository }: HubName): string {
  return `${owner}/${repository}`;
}

/** As it is given on the command line. `quant` replaces that of the name. */
export function formatHubName(name: HubName, quant = name.quant): string {
  const revision = name.revision === DEFAULT_REVISION ? '' : `@${name.revision}`;
  return `${PREFIX}${repositoryId(name)}${revision}${quant === undefined ? '' : `:${quant}`}`;
}

/** Whether a revision is a commit, which never changes what it names. */
export function isCommit(revision: string): boolean {
  return COMMIT.test(revision);
}

function isPlainText(text: string): boolean {
  return text.length <= 500 && /^[^\p{Cc}\p{Cs}]+$/u.test(text);
}
