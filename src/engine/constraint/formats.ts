/** The values of `format` as patterns. Narrower than their RFCs where those allow what nobody writes. */
const YEAR = '[0-9]{4}';
const LEAP_YEAR = '(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)';
const MONTH_DAY = [
  '(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])',
  '(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)',
  '02-(?:0[1-9]|1[0-9]|2[0-8])',
].join('|');
const DATE = `(?:${YEAR}-(?:${MONTH_DAY})|${LEAP_YEAR}-02-29)`;
const TIME =
  '(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])';

const OCTET = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
const IPV4 = `${OCTET}(?:\\.${OCTET}){3}`;
const H = '[0-9a-fA-F]{1,4}';
/** Eight groups, or fewer with one gap for at least one group. */
const IPV6 = [
  `(?:${H}:){7}${H}`,
  ...[1, 2, 3, 4, 5, 6].map((before) => `(?:${H}:){${before}}(?::${H}){1,${7 - before}}`),
  `:(?:(?::${H}){1,7}|:)`,
  `(?:${H}:){1,7}:`,
].join('|');

const SECONDS = '[0-9]+S';
const MINUTES = `[0-9]+M(?:${SECONDS})?`;
const HOURS = `[0-9]+H(?:${MINUTES})?`;
const DURATION_TIME = `T(?:${HOURS}|${MINUTES}|${SECONDS})`;
const DAYS = '[0-9]+D';
const MONTHS = `[0-9]+M(?:${DAYS})?`;
const YEARS = `[0-9]+Y(?:${MONTHS})?`;
const DURATION = `P(?:(?:${YEARS}|${MONTHS}|${DAYS})(?:${DURATION_TIME})?|${DURATION_TIME}|[0-9]+W)`;

const HOST_LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
const HOSTNAME = `${HOST_LABEL}(?:\\.${HOST_LABEL})*`;
const JSON_POINTER = '(?:/(?:[^/~]|~[01])*)*';

const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?';
const EMAIL = `[A-Za-z0-9_+-]+(?:\\.[A-Za-z0-9_+-]+)*@(?:${LABEL}\\.)+[A-Za-z]{2,}`;

const ENCODED = '%[0-9A-Fa-f]{2}';
const PATH_CHARACTER = `(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|${ENCODED})`;
const URI = [
  '[A-Za-z][A-Za-z0-9+.-]*://',
  `(?:${LABEL}\\.)*${LABEL}(?::[1-9][0-9]{0,4})?`,
  `(?:/${PATH_CHARACTER}*)*`,
  `(?:\\?(?:${PATH_CHARACTER}|[/?])*)?`,
  `(?:#(?:${PATH_CHARACTER}|[/?])*)?`,
].join('');

export const FORMATS: Readonly<Record<string, string>> = {
  date: DATE,
  time: TIME,
  'date-time': `${DATE}T${TIME}`,
  uuid: '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}',
  email: EMAIL,
  ipv4: IPV4,
  ipv6: IPV6,
  uri: URI,
  duration: DURATION,
  hostname: HOSTNAME,
  'json-pointer': JSON_POINTER,
  'relative-json-pointer': `(?:0|[1-9][0-9]{0,8})(?:#|${JSON_POINTER})`,
};

/** Most characters of a text, where the format says so. */
export const FORMAT_LENGTHS: Readonly<Record<string, number>> = { hostname: 253 };
