# Sourced by the scripts beside it: the repository's root, a fitting Python, and the environments that they need.
# Written for the bash 3.2 that macOS has.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

_probe='
import sys
if not (3, 11) <= sys.version_info[:2] < (3, 15):
    sys.exit("it is Python %d.%d" % sys.version_info[:2])
for module in ("venv", "ensurepip", "ssl", "sqlite3", "ctypes"):
    try:
        __import__(module)
    except ImportError:
        sys.exit("its module %s is missing" % module)
'

# Sets $python to the first Python that can carry Pressrun, or ends with one sentence.
find_python() {
  local name why seen=""
  for name in ${PYTHON:+"$PYTHON"} python3.11 python3.12 python3.13 python3.14 python3 python; do
    command -v "$name" >/dev/null 2>&1 || continue
    if why=$("$name" -c "$_probe" 2>&1); then
      python=$name
      return
    fi
    seen="$seen $name ($(printf '%s\n' "${why:-it does not start}" | tail -n 1));"
  done
  echo "Pressrun needs Python 3.11 to 3.14 with venv, and found${seen:- none;} install it (Debian, Ubuntu:" \
    "sudo apt-get install python3.11 python3.11-venv; macOS: brew install python@3.11)" \
    "or name one: PYTHON=/path/to/python3.11 $0" >&2
  exit 1
}

# setup base|dev|s3 …: makes each environment, or finds in a moment that it is there.
setup() {
  if [ -x .venv/bin/python ] && .venv/bin/python scripts/bootstrap.py --check "$@" 2>/dev/null; then
    return
  fi
  find_python
  "$python" scripts/bootstrap.py "$@"
}
