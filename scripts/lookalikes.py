"""Write pressrun/core/lookalikes.py from Unicode's confusables.txt.

    python scripts/lookalikes.py confusables.txt

The file is at https://www.unicode.org/Public/security/latest/confusables.txt. Kept are single characters that look like
one Latin letter and are not folded as compatibility forms anyway.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections import defaultdict
from pathlib import Path

OUT = Path(__file__).resolve().parents[1] / "pressrun/core/lookalikes.py"
HEAD = '''"""Characters that look like a Latin letter, by their script: script -> letter -> characters.

Written by scripts/lookalikes.py from Unicode's confusables.txt, version {version} ({date}), of Unicode Technical
Standard #39. Copyright © 1991-2025 Unicode, Inc., used under the Unicode License v3 (https://www.unicode.org/license.txt).
"""

LOOKALIKES: dict[str, dict[str, str]] = {{
'''
# How the standard's skeletons write these letters.
SKELETONS = {"rn": "m", "vv": "w"}


def script_of(character: str) -> str:
    """The first word of the character's name: LATIN, CYRILLIC, CHEROKEE; OTHER where it is no letter."""
    name = unicodedata.name(character, "")
    return name.partition(" ")[0].title() if unicodedata.category(character)[0] == "L" and name else "Other"


def lookalikes(text: str) -> dict[str, str]:
    """Character -> the small Latin letter it is taken for. A small letter may be known by its capital alone."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        parts = [part.strip() for part in line.partition("#")[0].lstrip("\ufeff").split(";")]
        if len(parts) < 3 or " " in parts[0]:
            continue
        source = chr(int(parts[0], 16))
        target = "".join(chr(int(code, 16)) for code in parts[1].split())
        target = SKELETONS.get(target, target)
        if source.isascii() or unicodedata.normalize("NFKC", source) != source:
            continue
        if re.fullmatch("[A-Za-z]", target):
            found[source] = target.lower()
    for source, letter in list(found.items()):
        small = source.casefold()
        if len(small) == 1 and not small.isascii():
            found.setdefault(small, letter)
    return found


def main(path: str) -> None:
    text = Path(path).read_text("utf-8-sig")
    version, date = (re.search(rf"# {what}: *(.+)", text)[1] for what in ("Version", "Date"))  # type: ignore[index]
    by_script: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for character, letter in sorted(lookalikes(text).items()):
        by_script[script_of(character)][letter].append(character)
    lines = [HEAD.format(version=version, date=date.partition(",")[0])]
    for script, letters in sorted(by_script.items()):
        lines.append(f'    "{script}": {{\n')
        for letter, characters in sorted(letters.items()):
            codes = "".join(f"\\u{ord(one):04x}" if ord(one) < 0x10000 else f"\\U{ord(one):08x}" for one in characters)
            rows = re.findall(r"(?:\\u.{4}|\\U.{8}){1,9}", codes)
            if len(rows) == 1:
                lines.append(f'        "{letter}": "{rows[0]}",\n')
            else:
                body = "".join(f'            "{row}"\n' for row in rows)
                lines.append(f'        "{letter}": (\n{body}        ),\n')
        lines.append("    },\n")
    OUT.write_text("".join([*lines, "}\n"]), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
