/**
 * Output of a program without the secrets that it may repeat (INV-9): drbdadm quotes the drbdsetup command that failed, with
 * `--shared-secret=...`, and a parse error quotes the line of the file. Passphrases and keys go to stdin and are echoed by nobody.
 */
export function withoutSecrets(output: string): string {
  return output.replace(/shared-secret(=|\s+)("[^"]*"|'[^']*'|[^\s'";]+)/g, 'shared-secret$1***');
}
