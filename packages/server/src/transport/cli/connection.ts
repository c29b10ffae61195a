import { AppError } from '@holdfast/api/errors.ts';

/** Where the API of a cluster is and how to prove who asks. */
export interface ConnectionTarget {
  /** Base URL without a trailing slash. */
  readonly server: string;
  readonly token?: string;
  /** PEM of the authority that signed the server's certificate. */
  readonly caPem?: string;
  readonly clientCertificatePem?: string;
  readonly clientKeyPem?: string;
  readonly tlsServerName?: string;
  /** Where this came from, for error messages: a flag, a variable or a file. */
  readonly source: string;
}

export interface ConnectionFlags {
  readonly server?: string;
  readonly token?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
}

export interface ConnectionSources {
  readonly flags: ConnectionFlags;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly readFile: (path: string) => Promise<string | undefined>;
  /** Reads a kubeconfig. @throws AppError `invalid_argument` when it cannot be used. */
  readonly parseKubeconfig: ParseKubeconfig;
}

export type ParseKubeconfig = (
  text: string,
  options: { path: string; context: string | undefined },
) => Promise<ConnectionTarget>;

/** The file `hf lab up` writes, so that `hf status` works right after it. A kubeconfig. */
export function defaultConfigPath(home: string, env: Readonly<Record<string, string | undefined>>): string {
  const base = env['XDG_CONFIG_HOME'];
  return `${base !== undefined && base !== '' ? base : `${home}/.config`}/holdfast/config`;
}

const HOW_TO_CONNECT = "start a lab with 'hf lab up', or give --server URL and --token, or --kubeconfig FILE";

/**
 * Finds the cluster, in this order: --server, HF_SERVER, --kubeconfig, KUBECONFIG, the file that `hf lab up` writes,
 * ~/.kube/config. A token from --token or HF_TOKEN goes over the one of a file.
 * @throws AppError `invalid_argument` when nothing names a cluster or a file is unusable.
 */
export async function resolveConnection(sources: ConnectionSources): Promise<ConnectionTarget> {
  const { flags, env } = sources;
  const token = flags.token ?? nonEmpty(env['HF_TOKEN']);
  const server = flags.server ?? (flags.kubeconfig === undefined ? nonEmpty(env['HF_SERVER']) : undefined);
  if (server !== undefined) {
    const source = flags.server === undefined ? 'HF_SERVER' : '--server';
    return { server: checkUrl(server, source), source, ...(token === undefined ? {} : { token }) };
  }
  const named = flags.kubeconfig ?? nonEmpty(env['KUBECONFIG']);
  const candidates =
    named === undefined ? [defaultConfigPath(sources.home, env), `${sources.home}/.kube/config`] : [named];
  for (const path of candidates) {
    const text = await sources.readFile(path);
    if (text === undefined) continue;
    const target = await readKubeconfig(sources, text, path);
    return token === undefined ? target : { ...target, token };
  }
  if (named !== undefined) {
    const field = flags.kubeconfig === undefined ? 'KUBECONFIG' : '--kubeconfig';
    throw new AppError('invalid_argument', `${field}: there is no file '${named}'`, {
      details: { field, value: named, remedy: HOW_TO_CONNECT },
    });
  }
  throw new AppError('invalid_argument', 'no cluster is named: neither --server nor a kubeconfig was found', {
    details: { field: '--server', remedy: HOW_TO_CONNECT },
  });
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : value;
}

function checkUrl(text: string, field: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new AppError('invalid_argument', `${field}: '${text}' is not a URL of an API server`, {
      details: { field, value: text, remedy: 'write it as https://HOST:PORT (http:// only on this machine)' },
    });
  }
  return text.replace(/\/+$/, '');
}

async function readKubeconfig(sources: ConnectionSources, text: string, path: string): Promise<ConnectionTarget> {
  try {
    return await sources.parseKubeconfig(text, { path, context: sources.flags.context });
  } catch (thrown) {
    const error = AppError.from(thrown);
    const remedy = error.details.remedy ?? 'correct the file';
    // Which of several files it was is half of the answer.
    throw new AppError(error.code, `${error.message} (in ${path})`, {
      cause: error,
      details: { field: 'kubeconfig', value: path, ...error.details, remedy: `${remedy}, or ${HOW_TO_CONNECT}` },
    });
  }
}

/** A kubeconfig with one cluster, for `hf lab up`, `hf kubeconfig` and kubectl. */
export function renderKubeconfig(args: { name: string; server: string; token?: string; caPem?: string }): string {
  const quote = (value: string): string => JSON.stringify(value);
  const lines = [
    'apiVersion: v1',
    'kind: Config',
    `current-context: ${quote(args.name)}`,
    'clusters:',
    `  - name: ${quote(args.name)}`,
    '    cluster:',
    `      server: ${quote(args.server)}`,
  ];
  if (args.caPem !== undefined) lines.push(`      certificate-authority-data: ${btoa(args.caPem)}`);
  lines.push('users:', `  - name: ${quote(args.name)}`, '    user:');
  lines.push(args.token === undefined ? '      {}' : `      token: ${quote(args.token)}`);
  lines.push('contexts:', `  - name: ${quote(args.name)}`, '    context:', `      cluster: ${quote(args.name)}`);
  lines.push(`      user: ${quote(args.name)}`);
  return `${lines.join('\n')}\n`;
}
