/** Colours of the terminal, by meaning. Every function returns the text unchanged when colour is off. */
export interface Paint {
  readonly enabled: boolean;
  good(text: string): string;
  warn(text: string): string;
  bad(text: string): string;
  dim(text: string): string;
  bold(text: string): string;
  accent(text: string): string;
}

function sgr(open: number, close: number): (text: string) => string {
  return (text) => (text === '' ? text : `\u001b[${open}m${text}\u001b[${close}m`);
}

const plain = (text: string): string => text;

export function createPaint(enabled: boolean): Paint {
  if (!enabled) return { enabled, good: plain, warn: plain, bad: plain, dim: plain, bold: plain, accent: plain };
  return {
    enabled,
    good: sgr(32, 39),
    warn: sgr(33, 39),
    bad: sgr(31, 39),
    dim: sgr(2, 22),
    bold: sgr(1, 22),
    accent: sgr(36, 39),
  };
}

/** NO_COLOR (https://no-color.org) and --no-color win; otherwise colour only on a terminal. */
export function wantsColour(args: {
  noColor: boolean;
  isTty: boolean;
  env: Readonly<Record<string, string | undefined>>;
}): boolean {
  if (args.noColor) return false;
  const noColor = args.env['NO_COLOR'];
  if (noColor !== undefined && noColor !== '') return false;
  return args.isTty && args.env['TERM'] !== 'dumb';
}
