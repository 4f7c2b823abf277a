"""The examples of docs/CONTRACTS.md as what they are: one program in parts."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

PAGE = Path(__file__).resolve().parent.parent.parent / "docs/CONTRACTS.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def examples() -> ModuleType:
    """All blocks of Python, carried out in their order; a traceback names the lines of the page."""
    text = PAGE.read_text()
    module = ModuleType("contracts_page")
    for block in BLOCK.finditer(text):
        lines_before = text.count("\n", 0, block.start(1))
        exec(compile("\n" * lines_before + block[1], str(PAGE), "exec"), vars(module))
    return module
