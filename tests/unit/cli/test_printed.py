"""What people wrote is printed as it is, also where it looks like rich's markup."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from pressrun.cli.printed import print_findings
from pressrun.core.findings import Finding


def test_brackets_in_a_finding_are_printed() -> None:
    out = StringIO()
    message = "the text of '[/red] [bold]Sale[/bold]' is not approved"
    print_findings(Console(file=out, width=200), [Finding(code="translation-draft", message=message)])
    assert message in out.getvalue()
