"""Text to token ids, with the model's own tokenizer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

from .errors import IssueError
from .store import settings

# Control characters and bidirectional marks say nothing and can hide text from a human reader.
_INVISIBLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffe\uffff]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
# No model here reads more than a few hundred tokens; a megabyte need not be tokenised to find that out.
_MAX_CHARACTERS = 20_000


def clean(text: str) -> str:
    """Drop invisible and unpaired characters, join lines: what the model reads."""
    return " ".join(_SURROGATE.sub("\ufffd", _INVISIBLE.sub("", text)).split())


class Tokens:
    """Encodes statements and propositions for one model.

    Args:
        path: the ``tokenizer.json``.
        max_tokens: longest statement, context and special tokens included.
        context_tokens: at most so many of them for the context before the statement.
        issue_tokens: longest proposition, special tokens included.
    """

    def __init__(self, path: Path | str, max_tokens: int, context_tokens: int, issue_tokens: int):
        self.path = Path(path)
        self._tokenizer = Tokenizer.from_file(str(path))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self.max_tokens, self.context_tokens, self.issue_tokens = max_tokens, context_tokens, issue_tokens
        self.start, self.end, self.pad = (
            # MPNet's vocabulary holds BERT's too, but it was trained on these.
            self._special(names)
            for names in (("<s>", "[CLS]"), ("</s>", "[SEP]"), ("<pad>", "[PAD]"))
        )

    @classmethod
    def of(cls, folder: Path) -> Tokens:
        """Those of a model folder."""
        own = settings(folder)
        return cls(folder / "tokenizer.json", own["max_tokens"], own["context_tokens"], own["issue_tokens"])

    def _special(self, names: Sequence[str]) -> int:
        for name in names:
            if (found := self._tokenizer.token_to_id(name)) is not None:
                return found
        raise ValueError(f"the tokenizer has none of the special tokens {', '.join(names)}")

    def statements(self, texts: Sequence[str], contexts: Sequence[str]) -> tuple[list[list[int]], list[bool]]:
        """Token ids of each statement after its context, and whether the statement had to be cut.

        What is cut is the end of a statement and the beginning of a context.
        """
        cleaned = [clean(text) for text in texts]
        bodies = self._encode([text[:_MAX_CHARACTERS] for text in cleaned])
        before = self._encode([clean(context)[-_MAX_CHARACTERS:] for context in contexts])
        ids, cut = [], []
        for text, body, context in zip(cleaned, bodies, before, strict=True):
            room = self.max_tokens - 2
            cut.append(len(body) > room or len(text) > _MAX_CHARACTERS)
            body = body[:room]
            keep = min(self.context_tokens, len(context), room - len(body) - 1)
            head = [*context[-keep:], self.end] if keep > 0 else []
            ids.append([self.start, *head, *body, self.end])
        return ids, cut

    def proposition(self, text: str) -> list[int]:
        """Token ids of one issue block.

        Raises:
            IssueError: it is longer than a block may be.
        """
        ids = self._encode([clean(text)[:_MAX_CHARACTERS]])[0]
        if not 0 < len(ids) <= self.issue_tokens - 2:
            raise IssueError(
                f"the proposition {text[:60]!r} has {len(ids)} tokens; allowed: 1 to {self.issue_tokens - 2}. "
                "Write one short sentence, e.g. 'Sanctions on Russia should be lifted.'"
            )
        return [self.start, *ids, self.end]

    def _encode(self, texts: list[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self._tokenizer.encode_batch(texts, add_special_tokens=False)]
