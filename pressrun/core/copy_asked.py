"""The copy that templates ask for by name, which remembers what it could not give."""

from __future__ import annotations

from pressrun.core.copy_table import CopyTable
from pressrun.core.findings import Place
from pressrun.core.gather import Gather


class AskedCopy(dict[str, str]):
    """The texts of one product in one locale, found when a template asks. What is `missing` is given as ""."""

    def __init__(self, table: CopyTable | None, locale: str, product: str) -> None:
        super().__init__()
        self.missing: list[str] = []
        self.drafts: list[str] = []
        self._table, self._locale, self._product = table, locale, product

    def __missing__(self, key: str) -> str:
        found = self._table.text(key, self._locale, product=self._product) if self._table else None
        if found is None:
            self.missing.append(key)
            return ""
        if found.status != "approved":
            self.drafts.append(key)
        return found.text

    def tell(self, file: str, gather: Gather) -> None:
        """A finding for each text that is not there, or not approved yet. `file` is the copy table's."""
        locale, product = self._locale, self._product
        for key in self.missing:
            gather.say(
                "translation-missing",
                f"no {locale} text for {key!r} of {product}",
                Place(file=file, column="text"),
                f"add a row `{product}.{key},{locale},…,approved` (or one for all products: `{key},…`)",
            )
        for key in self.drafts:
            gather.say(
                "translation-draft",
                f"the {locale} text for {key!r} of {product} is not approved yet",
                Place(file=file, column="status"),
                severity="warning",
            )
