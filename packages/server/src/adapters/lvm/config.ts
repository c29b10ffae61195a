/**
 * LVM configuration that every command carries, so that it behaves the same in a container, on a host with udevd and on
 * one without, whatever /etc/lvm says. All of it was tried with lvm2 2.03.16 on a kernel without udevd.
 *
 * - devices: no devices file (ours would not be the host's); the list of devices comes from /dev, not from udev. The filter
 *   keeps LVM away from everything that lies above a volume: a DRBD device with paused I/O would hang any scan, and a guest's
 *   own LVM inside a volume is none of our business. scan_lvs=0 says the same for other volume groups.
 * - activation: LVM makes the device nodes and links itself and waits for nobody. dmeventd neither monitors nor extends
 *   pools: the agent watches usage, and a pool fills its volume group anyway. error_when_full: a write that finds the
 *   thin pool full fails at once. The default queues it for 60 s first, and a replica that hangs stops its peer; after an error
 *   DRBD detaches this disk and goes on with the peer's.
 * - backup: no copies in /etc/lvm (read-only in a container); the metadata area keeps its own history.
 */
export const LVM_CONFIG = [
  'devices{use_devicesfile=0',
  'obtain_device_list_from_udev=0',
  'external_device_info_source="none"',
  'scan_lvs=0',
  'global_filter=["r|^/dev/drbd|","r|^/dev/holdfast/|","r|^/dev/mapper/holdfast|","r|^/dev/mapper/hf--|","r|^/dev/hf-|","r|^/dev/nbd|","r|^/dev/zram|","a|.*|"]}',
  'activation{udev_sync=0',
  'udev_rules=0',
  'verify_udev_operations=0',
  'monitoring=0',
  'thin_pool_autoextend_threshold=100',
  'error_when_full=1}',
  'backup{backup=0',
  'archive=0}',
  'global{use_lvmpolld=0',
  'use_lvmlockd=0}',
].join(' ');
