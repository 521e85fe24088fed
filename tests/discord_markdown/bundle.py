"""Makes the bundle from the package as npm serves it.

    npm pack discord-markdown-parser@1.3.1
    python -m tests.discord_markdown.bundle discord-markdown-parser-1.3.1.tgz

Nothing is changed; each module is put into a
function of a table by its path.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import tarfile
from pathlib import Path

PACKAGE = "discord-markdown-parser 1.3.1"
INTEGRITY = (
    "YHLMi+9W4KSO27uW8D7DX6S9uu/M7qntmkUIxMSsJrxwtxfdcHA55fcLoRkBFyxXdxi2PKRqC3Z7MXLMS4XP9Q=="
)
"""The SHA-512 by which npm knows the package."""
HERE = Path(__file__).parent
BUNDLE = HERE / "discord-markdown-parser.js"
LICENSE = HERE / "LICENSE"
_ROOT = "package/dist/"


def bundle(package: Path) -> tuple[str, str]:
    """Return the bundle's text and the package's license."""
    found = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
    if found != INTEGRITY:
        raise SystemExit(f"{package} is not {PACKAGE} as npm serves it")
    with tarfile.open(package) as archive:

        def text(name: str) -> str:
            file = archive.extractfile(name)
            assert file is not None
            return file.read().decode()

        names = sorted(n for n in archive.getnames() if n.startswith(_ROOT) and n.endswith(".js"))
        made = [
            f"// {PACKAGE} (npm), Apache License 2.0; its modules, unchanged, by `bundle.py`.\n"
        ]
        made.append("const modules = {};\n")
        for name in names:
            path = json.dumps(name.removeprefix(_ROOT).removesuffix(".js"))
            made.append(
                f"modules[{path}] = function (exports, require, module) {{\n{text(name)}\n}};\n"
            )
        return "".join(made), text("package/LICENSE")


if __name__ == "__main__":
    script, license_text = bundle(Path(sys.argv[1]))
    BUNDLE.write_text(script, encoding="utf-8")
    LICENSE.write_text(license_text, encoding="utf-8")
