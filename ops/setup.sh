#!/bin/sh
# Makes .venv/ with the pinned packages. Quick when nothing changed; says the exact command when the
# machine lacks something. PYTHON=… chooses the interpreter.
set -eu
cd "$(dirname "$0")/.."

fail() {
    printf '\n%s\n\n' "$1" >&2
    exit 1
}

is_new_enough() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for candidate in ${PYTHON:-python3 python3.11 python3.12 python3.13}; do
        if is_new_enough "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    fail "Chimera needs Python 3.11 or newer, and this machine has $(python3 --version 2>&1 || echo none).
Install it with:  sudo apt-get install -y python3.11 python3.11-venv
or name another one:  make setup PYTHON=/path/to/python3.12"
}

make_venv() {
    version=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    "$1" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "Python $version has no venv module.
Install it with:  sudo apt-get install -y python$version-venv"
    echo "Making .venv with Python $version"
    # What a stopped installation left behind is not worth repairing.
    rm -rf .venv
    "$1" -m venv .venv
}

stamp_of() {
    cat requirements.txt ops/constraints.txt .venv/pyvenv.cfg | cksum | tr ' ' '-'
}

install_packages() {
    echo "Installing the packages of requirements.txt (the first time this takes some minutes)"
    rm -f .venv/stamp-*
    .venv/bin/python -m pip install --quiet --disable-pip-version-check \
        -r requirements.txt -c ops/constraints.txt ||
        fail "The packages could not be installed; what pip said is above. Then run this again."
    touch ".venv/stamp-$(stamp_of)"
    warn_about_pdf
}

# Reports as PDF need Pango; everything else works without it.
warn_about_pdf() {
    .venv/bin/python - <<'PYTHON' 2>/dev/null || cat >&2 <<'TEXT'
import ctypes
for name in ("libgobject-2.0.so.0", "libpango-1.0.so.0", "libpangoft2-1.0.so.0", "libharfbuzz.so.0"):
    ctypes.CDLL(name)
PYTHON

Warning: reports as PDF will not work, because the Pango library is missing. Everything else does.
Install it with:  sudo apt-get install -y libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0

TEXT
}

if ! .venv/bin/python -c '' 2>/dev/null; then
    python=$(find_python)
    make_venv "$python"
fi
[ -e ".venv/stamp-$(stamp_of)" ] || install_packages
