#!/bin/sh
# Makes a fresh clone ready: npm packages, the pinned Node, and the Debian packages that the lab needs. Safe to run at
# any time; does nothing (in a few milliseconds) when everything is there. Called first by `npm run demo` and `npm test`.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
die() { say "bootstrap: $*"; exit 1; }

# `npm run` puts node_modules/.bin in front of PATH; what is installed there must not install itself.
here=$PWD/node_modules/.bin
clean_path=''
IFS=:
for dir in $PATH /usr/local/sbin /usr/sbin /sbin; do
  [ "$dir" = "$here" ] || clean_path=${clean_path:+$clean_path:}$dir
done
unset IFS
PATH=$clean_path
export PATH

# --- Debian packages: what must be there, and the package that has it -------------------------------------------------
needed='
qemu-system-x86_64 qemu-system-x86
mke2fs e2fsprogs
setpriv util-linux
unshare util-linux
busybox busybox-static
xz xz-utils
tar tar
apt-get apt
dpkg-deb dpkg
kubectl kubernetes-client
/usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring
'

missing_packages() {
  printf '%s' "$needed" | while read -r thing package; do
    case $thing in
      '') ;;
      /*) [ -e "$thing" ] || echo "$package" ;;
      *) command -v "$thing" >/dev/null 2>&1 || echo "$package" ;;
    esac
  done | sort -u | tr '\n' ' '
}

missing=$(missing_packages)
if [ -n "$missing" ]; then
  command -v apt-get >/dev/null 2>&1 || die "needs the Debian packages: $missing(this is not a Debian system)"
  install="apt-get install -y --no-install-recommends $missing"
  if [ "$(id -u)" -ne 0 ]; then
    die "needs Debian packages that are not installed. Run, then try again:
    sudo $install"
  fi
  say "bootstrap: installing $missing"
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086 # A list of words.
  $install >&2 </dev/null || { apt-get update >&2 </dev/null && $install >&2 </dev/null; } || die "'$install' failed"
  missing=$(missing_packages)
  [ -z "$missing" ] || die "still missing after installation: $missing"
fi

# --- npm packages -----------------------------------------------------------------------------------------------------
command -v node >/dev/null 2>&1 || die 'needs Node 20 or later (https://nodejs.org); the pinned version is then installed by itself'
major=$(node -p 'process.versions.node.split(".")[0]')
[ "$major" -ge 20 ] || die "needs Node 20 or later to start with; 'node' is $(node --version)"
command -v npm >/dev/null 2>&1 || die 'needs npm, which comes with Node'

stamp=node_modules/.cache/bootstrap-$(cksum <package-lock.json | tr ' ' -)
pinned_ok() {
  case $(node_modules/.bin/node --version 2>/dev/null || true) in v26.*) return 0 ;; *) return 1 ;; esac
}

if [ ! -e "$stamp" ]; then
  # Installed by hand from this very lock file? Then there is nothing to repeat.
  if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    say 'bootstrap: installing npm packages (npm ci)'
    # A registry that lacks other platforms' optional packages leaves a lock file that `npm ci` refuses; `npm install`
    # installs the very versions that the lock file names all the same.
    if ! said=$(npm ci --no-audit --no-fund --loglevel=error 2>&1); then
      case $said in
        *EUSAGE*) npm install --no-save --no-audit --no-fund --loglevel=error >&2 || die 'npm install failed' ;;
        *) say "$said" && die 'npm ci failed' ;;
      esac
    fi
  fi
fi

# The node package fetches its binary in an install script, which npm may be configured not to run.
if ! pinned_ok; then
  say 'bootstrap: installing the pinned Node'
  npm rebuild node --loglevel=error >&2 || true
  if ! pinned_ok; then
    (cd node_modules/node && node installArchSpecificPackage.js) >&2 || true
    # npm made no link to a binary that was not there yet.
    [ ! -x node_modules/node/bin/node ] || ln -sf ../node/bin/node node_modules/.bin/node
  fi
  pinned_ok || die 'node_modules/.bin/node is not Node 26; look at the output above (npm needs the registry for it)'
fi

if [ ! -e "$stamp" ]; then
  # esbuild works without its install script, only starting slower; a broken one is repaired.
  node_modules/.bin/esbuild --version >/dev/null 2>&1 || npm rebuild esbuild --loglevel=error >&2 || die 'npm rebuild esbuild failed'
  mkdir -p node_modules/.cache
  rm -f node_modules/.cache/bootstrap-*
  : >"$stamp"
fi
