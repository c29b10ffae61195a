import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '@holdfast/api/errors.ts';
import { stringify } from 'yaml';
import { loadKubeconfig } from './kubeconfig.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

function config(user: object, cluster: object = { server: 'https://10.0.0.1:6443' }): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'main',
    contexts: [
      { name: 'main', context: { cluster: 'c', user: 'u', namespace: 'apps' } },
      { name: 'other', context: { cluster: 'missing', user: 'u' } },
    ],
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user }],
  });
}

function refusal(text: string, options?: Parameters<typeof loadKubeconfig>[1]): AppError {
  try {
    loadKubeconfig(text, options);
  } catch (error) {
    assert.ok(error instanceof AppError);
    assert.equal(error.code, 'invalid_argument');
    return error;
  }
  assert.fail('it should have been refused');
}

test('reads server, authority and token of the current context', () => {
  const access = loadKubeconfig(
    config({ token: 't0k' }, { server: 'https://10.0.0.1:6443', 'certificate-authority-data': base64('PEM') }),
  );
  assert.equal(access.transport.server, 'https://10.0.0.1:6443');
  assert.equal(access.transport.ca, 'PEM');
  assert.equal(access.token, 't0k');
  assert.equal(access.namespace, 'apps');
});

test('reads a client certificate, inline or from files', () => {
  const inline = loadKubeconfig(
    config({ 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') }),
  );
  assert.deepEqual([inline.transport.cert, inline.transport.key], ['CERT', 'KEY']);
  const files = loadKubeconfig(config({ 'client-certificate': '/c.pem', 'client-key': '/k.pem', tokenFile: '/t' }), {
    readFile: (path) => `text of ${path}\n`,
  });
  assert.equal(files.transport.key, 'text of /k.pem\n');
  assert.equal(files.token, 'text of /t');
});

test('INV-9: says what is wrong or not supported, never quoting a credential', () => {
  assert.match(refusal(config({ exec: { command: 'aws' } })).message, /users.user.exec.*not supported/);
  assert.match(refusal(config({ username: 'a', password: 's3cret' })).message, /username/);
  assert.match(refusal(config({ 'client-key-data': base64('KEY') })).message, /must come together/);
  assert.match(
    refusal(config({ 'client-certificate': '/c.pem', 'client-key': '/k' })).message,
    /client-certificate-data/,
  );
  assert.match(
    refusal(config({}, { server: 'https://x', 'insecure-skip-tls-verify': true })).message,
    /insecure-skip-tls-verify/,
  );
  assert.match(refusal(config({}), { context: 'nope' }).message, /there is no 'nope' \(there are: main, other\)/);
  assert.match(refusal(config({}), { context: 'other' }).message, /clusters: there is no 'missing'/);
  assert.match(refusal('clusters: 7').message, /clusters: it is missing or has the wrong type/);
  const torn = refusal('users: [{name: u, user: {token: s3cret');
  assert.ok(!torn.message.includes('s3cret') && torn.cause === undefined);
});
