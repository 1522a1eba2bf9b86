#!/usr/bin/env bash
# A browser and fonts for the tests: installed where we are root on Debian, otherwise said what is missing.
set -u
missing=()
command -v chromium >/dev/null || [ -x /usr/bin/chromium ] || missing+=(chromium)
fc-list 2>/dev/null | grep -qi "noto sans hebrew" || missing+=(fonts-noto-core)
fc-list 2>/dev/null | grep -qiE "noto sans thai|loma|garuda" || missing+=(fonts-thai-tlwg)
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" = 0 ] && [ -f /etc/debian_version ]; then
  echo "Installing for the browser tests: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update >/dev/null 2>&1 && apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null 2>&1 && exit 0
  echo "Could not install them; the browser tests will be skipped." >&2
else
  echo "The browser tests will be skipped: please install ${missing[*]} (Debian's names)." >&2
fi
exit 0
