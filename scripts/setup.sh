#!/usr/bin/env bash
# Installs what is missing to build Parley on Debian 12; says what it installs, and nothing when nothing is missing.
#
#   scripts/setup.sh            what building and running needs
#   scripts/setup.sh --tests    also what the tests outside of Swift need: Python, in .build/venv, and Chromium
set -euo pipefail
cd "$(dirname "$0")/.."

readonly swift_version=6.2
readonly venv=.build/venv
missing=()

say() { echo "setup: $*" >&2; }

main() {
    require_swift_installed
    [[ $(uname) == Linux ]] && install_packages "$@"
    require_swift_version
    [[ ${1:-} == --tests ]] && prepare_venv
    return 0
}

require_swift_installed() {
    command -v swift >/dev/null && return
    say "there is no swift command. Parley needs a Swift toolchain, $swift_version or later; it is tested with 6.3."
    say "Get it from https://www.swift.org/install (swiftly, or a tar file to unpack), put it on the PATH, start again."
    exit 1
}

require_swift_version() {
    local found
    found=$(swift --version 2>&1 | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
    if [[ -z $found ]]; then
        say "'swift --version' does not work:"
        swift --version >&2 || true
        exit 1
    fi
    [[ $(printf '%s\n' "$swift_version" "$found" | sort -V | head -n 1) == "$swift_version" ]] && return
    say "Swift $found is too old, Parley needs $swift_version or later: https://www.swift.org/install"
    exit 1
}

# --- Debian packages ---

install_packages() {
    # What building needs beside the toolchain.
    need git command -v git
    need ca-certificates test -s /etc/ssl/certs/ca-certificates.crt
    need binutils command -v ld.gold
    need libstdc++-12-dev has_file '/usr/lib/gcc/*/*/libstdc++.so'
    # What the toolchain itself is linked against.
    if ! swift package --version >/dev/null 2>&1; then
        need libcurl4 has_library libcurl.so.4
        need libxml2 has_library libxml2.so.2
        need libncurses6 has_library libncurses.so.6
    fi
    # What Parley is linked against.
    need libsqlite3-dev has_file /usr/include/sqlite3.h
    need libhiredis-dev has_file /usr/include/hiredis/hiredis.h
    if [[ ${1:-} == --tests ]]; then
        need redis-server command -v redis-server
        need python3-venv find_python
        need chromium find_chromium
    fi
    [[ ${#missing[@]} -eq 0 ]] || apt_install "${missing[@]}"
}

need() { # package, command that succeeds when the package is not needed
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || missing+=("$package")
}

has_file() { compgen -G "$1"; }

find_chromium() { command -v chromium || command -v chromium-browser || command -v google-chrome; }

has_library() { # without a pipe, which would end early and then count as a failure
    local known
    known=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p)
    [[ $known == *"$1"* ]]
}

apt_install() {
    local as_root=()
    [[ $(id -u) -eq 0 ]] || as_root=(sudo -n)
    if ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
        say "these Debian packages are missing; install them and start again:"
        say "    sudo apt-get update && sudo apt-get install -y --no-install-recommends $*"
        exit 1
    fi
    say "installing Debian packages: $*"
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# --- Python for the tests ---

find_python() { # the first python3 that can make a virtual environment
    local python
    for python in python3 /usr/bin/python3; do
        if "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 9))' 2>/dev/null; then
            command -v "$python"
            return
        fi
    done
    return 1
}

prepare_venv() {
    local python requirements wanted
    if ! python=$(find_python); then
        say "there is no Python 3.9 or later with its venv module"
        exit 1
    fi
    requirements=$(find Tests -name 'requirements*.txt' | sort)
    wanted=$(pwd; "$python" --version; for file in $requirements; do echo "$file"; cat "$file"; done)
    [[ -f $venv/made-from && $(cat "$venv/made-from") == "$wanted" ]] && return

    say "making the Python environment of the tests in $venv${requirements:+ from $(echo $requirements)}"
    mkdir -p .build
    "$python" -m venv --clear "$venv"
    for file in $requirements; do
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$file"
    done
    echo "$wanted" >"$venv/made-from" # last, so that an interrupted set-up is made anew
}

main "$@"
