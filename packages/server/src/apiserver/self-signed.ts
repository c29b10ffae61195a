import { generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto';
import { isIP, isIPv6 } from 'node:net';

/** DER: tag, length, content. */
function der(tag: number, ...contents: Buffer[]): Buffer {
  const body = Buffer.concat(contents);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const length = Buffer.from(body.length.toString(16).padStart(body.length > 0xff ? 4 : 2, '0'), 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, body]);
}

const SEQUENCE = 0x30;
const ECDSA_SHA256 = der(SEQUENCE, Buffer.from('06082a8648ce3d040302', 'hex'));

function name(text: string): Buffer {
  const commonName = Buffer.from('0603550403', 'hex');
  return der(SEQUENCE, der(0x31, der(SEQUENCE, commonName, der(0x0c, Buffer.from(text)))));
}

function time(ms: number): Buffer {
  const text = `${new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '')}`;
  return der(0x18, Buffer.from(text));
}

function ipBytes(address: string): Buffer {
  if (!isIPv6(address)) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail = ''] = address.split('::');
  const words = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
  const first = words(head);
  const last = address.includes('::') ? words(tail) : [];
  const all = [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last];
  return Buffer.from(all.flatMap((word) => [word >> 8, word & 0xff]));
}

function extension(oid: string, critical: boolean, value: Buffer): Buffer {
  const flag = critical ? [Buffer.from('0101ff', 'hex')] : [];
  return der(SEQUENCE, der(0x06, Buffer.from(oid, 'hex')), ...flag, der(0x04, value));
}

export interface SelfSigned {
  /** PEM; clients take it as their certificate authority. */
  readonly cert: string;
  /** PEM (PKCS #8). */
  readonly key: string;
  /** SHA-256 of the certificate, as openssl prints it. */
  readonly fingerprint: string;
}

/**
 * A new P-256 key and a certificate for the given host names and IP addresses, signed by itself.
 * @param now milliseconds since the epoch; valid from a day before (skewed clocks) for `days`.
 */
export function makeSelfSigned(hosts: readonly string[], now: number, days = 3650): SelfSigned {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const names = hosts.map((host) => (isIP(host) === 0 ? der(0x82, Buffer.from(host)) : der(0x87, ipBytes(host))));
  const extensions = [
    extension('551d13', true, der(SEQUENCE, Buffer.from('0101ff', 'hex'))),
    extension('551d0f', true, der(0x03, Buffer.from([0x02, 0x84]))),
    extension('551d25', false, der(SEQUENCE, Buffer.from('06082b06010505070301', 'hex'))),
    extension('551d11', false, der(SEQUENCE, ...names)),
  ];
  const serial = randomBytes(15);
  const day = 86_400_000;
  const tbs = der(
    SEQUENCE,
    der(0xa0, Buffer.from('020102', 'hex')),
    der(0x02, Buffer.concat([Buffer.from([0x01]), serial])),
    ECDSA_SHA256,
    name('holdfast-apiserver'),
    der(SEQUENCE, time(now - day), time(now + days * day)),
    name('holdfast-apiserver'),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(SEQUENCE, ...extensions)),
  );
  const signature = sign('sha256', tbs, privateKey);
  const raw = der(SEQUENCE, tbs, ECDSA_SHA256, der(0x03, Buffer.from([0]), signature));
  const base64 = raw.toString('base64').replace(/(.{64})(?=.)/g, '$1\n');
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    fingerprint: new X509Certificate(raw).fingerprint256,
  };
}
