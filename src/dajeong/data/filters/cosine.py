"""Drops a question whose TF-IDF vector is like a kept one's. The threshold belongs to its vectoriser.

"Cosine ≥ 0.5" drops 2.9 to 23 % of the same prompts, depending on what the vectors count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from dajeong.data.filters.filter import Dropped, asked
from dajeong.data.filters.morphemes import content_morphemes
from dajeong.data.filters.settings import CosineSettings
from dajeong.data.filters.spill import Spill
from dajeong.records import Record

_AT_ONCE = 256

OPTIONS: dict[str, dict[str, Any]] = {
    "word": {"analyzer": "word"},
    "char": {"analyzer": "char", "ngram_range": (3, 5)},
    "char_wb": {"analyzer": "char_wb", "ngram_range": (2, 3)},
    "morphemes": {"analyzer": list},
}
"""Name → arguments of scikit-learn's TfidfVectorizer."""


class CosineDuplicates:
    def __init__(self, settings: CosineSettings, scratch: Path) -> None:
        self._settings, self._scratch = settings, scratch

    def keep(self, records: Iterable[Record]) -> Iterator[Record | Dropped]:
        spill = Spill(self._scratch / "cosine.jsonl")
        texts = [asked(record) for record in spill.filled(records)]
        alike = self._alike(texts)
        ids: dict[int, str] = {}
        for index, record in enumerate(spill):
            ids[index] = record.id
            if index in alike:
                other, cosine = alike[index]
                name = self._settings.vectoriser
                yield Dropped(record, f"cosine-{name}: {cosine:.2f} of {ids[other]}")
            else:
                yield record
        spill.remove()

    def _alike(self, texts: list[str]) -> dict[int, tuple[int, float]]:
        """Text → the first kept one that is like it, texts in order."""
        vectors = self._vectors(texts)
        found: dict[int, tuple[int, float]] = {}
        if vectors is None:
            return found
        for start in range(0, len(texts), _AT_ONCE):
            cosines = (vectors[start : start + _AT_ONCE] @ vectors.T).tocsr()
            cosines.sort_indices()
            for row in range(cosines.shape[0]):
                part = slice(cosines.indptr[row], cosines.indptr[row + 1])
                for other, cosine in zip(cosines.indices[part], cosines.data[part], strict=True):
                    if other < start + row and cosine >= self._settings.least and int(other) not in found:
                        found[start + row] = (int(other), float(cosine))
                        break
        return found

    def _vectors(self, texts: list[str]) -> Any:
        from sklearn.feature_extraction.text import TfidfVectorizer

        name = self._settings.vectoriser
        units = list(content_morphemes(texts)) if name == "morphemes" else texts
        try:
            return TfidfVectorizer(**OPTIONS[name]).fit_transform(units)
        except ValueError:  # "empty vocabulary": no text has a unit, so none is like another
            return None
