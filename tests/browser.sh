#!/usr/bin/env bash
# A browser, fonts and a second kind of database for the tests: installed where we are root on Debian, otherwise said what is missing.
set -u
missing=()
command -v chromium >/dev/null || [ -x /usr/bin/chromium ] || missing+=(chromium)
fc-list 2>/dev/null | grep -qi "noto sans hebrew" || missing+=(fonts-noto-core)
fc-list 2>/dev/null | grep -qiE "noto sans thai|loma|garuda" || missing+=(fonts-thai-tlwg)
command -v mariadbd >/dev/null || [ -x /usr/sbin/mariadbd ] || missing+=(mariadb-server)
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" = 0 ] && [ -f /etc/debian_version ]; then
  echo "Installing for the tests: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  policy=/usr/sbin/policy-rc.d # while it says 101, no package starts a service
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
  fi
  apt-get -qq update >/dev/null 2>&1 && apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null 2>&1 && exit 0
  echo "Could not install them; their tests will be skipped." >&2
else
  echo "Some tests will be skipped: please install ${missing[*]} (Debian's names)." >&2
fi
exit 0
