#!/usr/bin/env bash
# Sending systems for the tests of the gate: installed where we are root on Debian, otherwise said what is missing.
set -u
missing=()
command -v swaks >/dev/null || missing+=(swaks)
command -v exim4 >/dev/null || [ -x /usr/sbin/exim4 ] || missing+=(exim4-daemon-light)
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" = 0 ] && [ -f /etc/debian_version ]; then
  echo "Installing for the gate's tests: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update >/dev/null 2>&1 && apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null 2>&1 && exit 0
  echo "Could not install them; the tests with real senders will be skipped." >&2
else
  echo "The tests with real senders will be skipped: please install ${missing[*]} (Debian's names)." >&2
fi
exit 0
