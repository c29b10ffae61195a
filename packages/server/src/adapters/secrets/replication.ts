import { Buffer } from 'node:buffer';
import { createHmac, randomBytes } from 'node:crypto';
import { SECRETS } from '@holdfast/api/client/kinds.ts';
import type { ClusterClient } from '@holdfast/api/client/types.ts';
import { AppError } from '@holdfast/api/errors.ts';
import { SYSTEM_NAMESPACE } from '@holdfast/api/schema/core.ts';

const NAME = 'replication';
const KEY = 'key';
const KEY_BYTES = 32;

/**
 * One Secret for the cluster (`holdfast-system/replication`), made by whoever needs it first; the DRBD shared secret of a volume is an HMAC of
 * its UID under that key: nothing is stored per volume, and nothing of one volume tells about another's (INV-9).
 */
export function createReplicationSecrets(client: ClusterClient): { sharedSecret(volumeUid: string): Promise<string> } {
  let key: Promise<Buffer> | undefined;

  async function read(): Promise<Buffer> {
    const secrets = client.resource(SECRETS);
    const found = await secrets.find(NAME, SYSTEM_NAMESPACE);
    const value = found?.data?.[KEY];
    if (value !== undefined) return Buffer.from(value, 'base64');
    try {
      const fresh = randomBytes(KEY_BYTES);
      await secrets.create({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: NAME, namespace: SYSTEM_NAMESPACE },
        type: 'holdfast.storage/replication',
        data: { [KEY]: fresh.toString('base64') },
      });
      return fresh;
    } catch (error) {
      // Another agent was faster: its key is the one.
      if (error instanceof AppError && error.code === 'already_exists') return read();
      throw error;
    }
  }

  return {
    async sharedSecret(volumeUid) {
      key ??= read();
      try {
        // 43 characters: the kernel takes 63, and calls a longer one an invalid attribute.
        return createHmac('sha256', await key)
          .update(volumeUid)
          .digest('base64url');
      } catch (error) {
        key = undefined;
        throw error;
      }
    },
  };
}
