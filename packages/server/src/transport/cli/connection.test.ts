import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '@holdfast/api/errors.ts';
import { type ConnectionSources, defaultConfigPath, renderKubeconfig, resolveConnection } from './connection.ts';

function sources(change: Partial<ConnectionSources> & { files?: readonly string[] } = {}): ConnectionSources {
  return {
    flags: {},
    env: {},
    home: '/home/me',
    readFile: (path) => Promise.resolve(change.files?.includes(path) === true ? `file ${path}` : undefined),
    parseKubeconfig: (_text, { path, context }) =>
      Promise.resolve({ server: 'https://from-file', token: 'file-token', source: `${path} ${context ?? ''}`.trim() }),
    ...change,
  };
}

const LAB = '/home/me/.config/holdfast/config';
const KUBE = '/home/me/.kube/config';

test('the more explicit wins: flag, variable, named file, the file of the lab, the one of kubectl', async () => {
  const server = async (change: Parameters<typeof sources>[0]): Promise<string> =>
    (await resolveConnection(sources(change))).source;
  const env = { HF_SERVER: 'https://env', KUBECONFIG: '/k' };
  const files = ['/k', '/f', LAB, KUBE];
  assert.equal(await server({ flags: { server: 'https://flag', kubeconfig: '/f' }, env, files }), '--server');
  assert.equal(await server({ flags: { kubeconfig: '/f' }, env, files }), '/f');
  assert.equal(await server({ env, files }), 'HF_SERVER');
  assert.equal(await server({ env: { KUBECONFIG: '/k' }, files }), '/k');
  assert.equal(await server({ files }), LAB);
  assert.equal(await server({ files: [KUBE] }), KUBE);
});

test('a token that is given goes over the one of a file', async () => {
  assert.equal((await resolveConnection(sources({ files: [LAB] }))).token, 'file-token');
  assert.equal((await resolveConnection(sources({ files: [LAB], env: { HF_TOKEN: 'mine' } }))).token, 'mine');
  assert.equal(
    (await resolveConnection(sources({ files: [LAB], env: { HF_TOKEN: 'mine' }, flags: { token: 'flag' } }))).token,
    'flag',
  );
});

test('the context is passed on, and a trailing slash of a server is not', async () => {
  assert.equal(
    (await resolveConnection(sources({ flags: { kubeconfig: '/f', context: 'prod' }, files: ['/f'] }))).source,
    '/f prod',
  );
  assert.equal(
    (await resolveConnection(sources({ flags: { server: 'http://127.0.0.1:1/' } }))).server,
    'http://127.0.0.1:1',
  );
});

test('a file that cannot be used is named, with the reason of the parser', async () => {
  const parseKubeconfig = (): Promise<never> =>
    Promise.reject(new AppError('invalid_argument', 'kubeconfig: it is not valid YAML'));
  await assert.rejects(resolveConnection(sources({ files: [LAB], parseKubeconfig })), (error: AppError) => {
    assert.equal(error.code, 'invalid_argument');
    assert.match(error.message, /not valid YAML \(in \/home\/me\/.config\/holdfast\/config\)/);
    return true;
  });
});

test('XDG_CONFIG_HOME moves the file of the lab', () => {
  assert.equal(defaultConfigPath('/h', { XDG_CONFIG_HOME: '/x' }), '/x/holdfast/config');
});

test('a kubeconfig quotes what it is given', async () => {
  const { parse } = await import('yaml');
  const document = parse(renderKubeconfig({ name: 'a: b', server: 'https://h', token: 't"#' })) as {
    users: { user: { token: string } }[];
    contexts: { name: string }[];
  };
  assert.equal(document.users[0]?.user.token, 't"#');
  assert.equal(document.contexts[0]?.name, 'a: b');
});
