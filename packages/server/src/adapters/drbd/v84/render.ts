import type { DrbdConfig, DrbdEndpoint } from '../../../ports/drbd.ts';
import { drbdAddress, renderHeader } from '../config-file.ts';

/**
 * Resource file of DRBD 8.4.
 *
 * - `fencing resource-and-stonith`: a Primary that loses its peer freezes its writes together with the state change,
 *   until our fence-peer helper grants (INV-4, drbd.md 1.7).
 * - `after-sb-*pri disconnect`, `rr-conflict disconnect`: data is never discarded automatically.
 * - `ping-int` is in seconds, `ping-timeout` and `timeout` in tenths of a second: an idle link is given up after about
 *   1.5 s, a peer that pings but does not complete writes after `ko-count` x 3 s.
 * - `c-min-rate 10M`: the default of 250 KiB/s lets a resync of 100 GiB under application load take days.
 * - `discard-zeroes-if-aligned`, `rs-discard-granularity` keep thin LVs thin through a resync; on thick LVs there is
 *   nothing to discard.
 */
export function renderV84(config: DrbdConfig): string {
  const { self, peers } = config;
  const discard = config.thin ? ' rs-discard-granularity 65536;' : '';
  // drbdadm wants a peer section. With no peer the resource is never connected (see the driver), so this one is only syntax:
  // TEST-NET-1, port 1, nobody is there.
  const peer: Pick<DrbdEndpoint, 'node' | 'minor' | 'address' | 'port'> = peers[0] ?? {
    node: `${self.node}-has-no-peer`,
    minor: config.minor,
    address: '192.0.2.1',
    port: 1,
  };
  const host = (node: string, minor: number, address: string): string =>
    `  on "${node}" {
    address ${address};
    volume 0 { device minor ${minor}; disk "${config.disk ?? 'none'}"; meta-disk "${config.metaDisk ?? 'internal'}"; }
  }
`;
  return `${renderHeader(config)}global { usage-count no; }
resource "${config.resource}" {
  options { on-no-data-accessible suspend-io; }
  net {
    protocol C; cram-hmac-alg sha256; shared-secret "${config.sharedSecret}"; verify-alg crc32c;
    after-sb-0pri disconnect; after-sb-1pri disconnect; after-sb-2pri disconnect; rr-conflict disconnect;
    timeout 30; ping-int 1; ping-timeout 5; connect-int 1; ko-count 7; max-buffers 8000; max-epoch-size 8000;
  }
  disk {
    on-io-error detach; fencing resource-and-stonith; al-extents 6007;
    c-plan-ahead 20; c-fill-target 1M; c-max-rate 400M; c-min-rate 10M;
    discard-zeroes-if-aligned yes;${discard}
  }
${host(self.node, config.minor, drbdAddress(self))}${host(peer.node, peer.minor, drbdAddress(peer))}}
`;
}
