/** Name of the virtio-serial port of the control channel, on both ends. */
export const PORT_NAME = 'holdfast.lab';
