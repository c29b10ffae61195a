/**
 * The usermode helper that the kernel calls: `<helper> <event> <resource|minor-N>`, as root, in the host's namespaces,
 * with PATH, HOME, TERM and DRBD_PEER_* as its whole environment and no open files. POSIX sh, so that a host needs
 * nothing of ours: the agent may live in a container.
 *
 * Only 4 (granted) and 1 (refused) ever leave a fence-peer call of ours; 1 leaves a Primary frozen. Traps it avoids:
 * - drbdadm's own exit code for a usage error is 3, which the kernel reads as "peer inconsistent: go on". So a call for
 *   a resource of ours never reaches drbdadm.
 * - A handler inside `drbdadm primary` holds the state mutex, which blocks the peer's handshake: while the local role is
 *   Secondary it waits a few seconds for the agent and then refuses.
 * - A reconnect makes the question moot; the kernel ignores the exit code then, and the helper goes away by itself.
 */
export function helperScript(options: { readonly stateDir: string; readonly runDir: string }): string {
  return `#!/bin/sh
# Holdfast: the kernel's DRBD helper. Written by the agent; changes are overwritten.
exec </dev/null >/dev/null 2>&1
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
umask 077
state=${quote(options.stateDir)}
run=${quote(options.runDir)}
event=$1
subject=$2

[ "$event" = ${SELF_TEST_EVENT} ] && exit ${SELF_TEST_CODE}

resource=$subject
case $subject in
minor-*)
  resource=
  read -r resource <"$state/drbd.d/$subject"
  ;;
esac
case $resource in
hf-*[!A-Za-z0-9._-]*) exit 1 ;;
hf-*) ;;
*)
  # Not ours: what the kernel would have called.
  [ -x /sbin/drbdadm ] && exec /sbin/drbdadm "$@"
  exit 1
  ;;
esac

read -r uptime rest </proc/uptime
read -r boot </proc/sys/kernel/random/boot_id
id=$resource.\${boot%%-*}.$uptime.$$

if [ "$event" != fence-peer ]; then
  # Only a hint to look. An agent that stays away must not fill the disk.
  mkdir -p "$run/events"
  set -- "$run"/events/*
  [ $# -gt 1000 ] || { echo "$event $resource" >"$run/wake-$id" && mv "$run/wake-$id" "$run/events/$uptime.$$"; }
  exit 0
fi

minor=
read -r word word word minor <"$state/drbd.d/$resource.res"
request=$run/requests/$id
verdict=$run/verdicts/$id
fifo=$run/fifos/$id
ticker=
leave() {
  rm -f "$request" "$fifo" "$verdict"
  [ -n "$ticker" ] && kill "$ticker"
  exit "$1"
}
trap 'leave 1' HUP INT TERM
# Few processes before the question is out: the Primary stands still meanwhile.
[ -d "$run/requests" ] && [ -d "$run/verdicts" ] && [ -d "$run/fifos" ] ||
  mkdir -p "$run/requests" "$run/verdicts" "$run/fifos" || leave 1
mkfifo "$fifo" || leave 1
# Both ends: opening does not block, and the agent can tell by it that somebody waits here.
exec 3<>"$fifo" || leave 1
ask() { echo "$resource $uptime" >"$request" || leave 1; }
ask
while sleep 2 && kill -0 $$; do echo tick >&3; done &
ticker=$!

word=
while :; do
  if [ -f "$verdict" ]; then
    answer=
    read -r answer <"$verdict"
    [ "$answer" = 4 ] && leave 4
    leave 1
  fi
  if [ "$word" = tick ]; then
    # A question that somebody cleaned away comes back.
    [ -f "$request" ] || ask
    # DRBD 8.4 shows every minor here, DRBD 9 none.
    lines=$(grep -e '^version: 8.' -e "^ *$minor: " /proc/drbd)
    case $lines in
    'version: 8.'*)
      case $lines in
      *cs:StandAlone* | *cs:Disconnecting* | *cs:Unconnected* | *cs:Timeout* | *cs:BrokenPipe* | *cs:NetworkFailure* | *cs:ProtocolError* | *cs:TearDown* | *cs:WFConnection* | *cs:WFReportParams*) ;;
      # Connected again, or gone.
      *) leave 1 ;;
      esac
      case $lines in
      *ro:Secondary/*)
        read -r now rest </proc/uptime
        [ $((\${now%%.*} - \${uptime%%.*})) -ge 8 ] && leave 1
        ;;
      esac
      ;;
    esac
  fi
  # Woken by the agent when it has answered, and by the ticker.
  read -r word <&3 || leave 1
done
`;
}

export const SELF_TEST_EVENT = 'holdfast-self-test';
/** No other path of the script ends with it. */
export const SELF_TEST_CODE = 42;

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
