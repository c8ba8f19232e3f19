"""What is asked: small functions, behind a context of which a given share is alike in all requests.

Engines keep the work on a shared beginning; a salt in each request sees to it that nothing else is kept.
"""

import random
from dataclasses import dataclass

PROMPTS = (
    "Reverse a text: reverse('abc') == 'cba'",
    "Add two integers. For example add(2, 3) == 5.",
    "Decide whether an integer is even: is_even(4) == True; is_even(3) == False",
    # What the scripted engine writes, so that a service without a model has goodput too.
    "Double a number: double(4) == 8",
)
_WORDS = (
    *("the", "order", "table", "holds", "names", "dates", "and", "sums", "of", "every", "customer", "who", "wrote"),
    *("since", "spring", "while", "each", "report", "counts", "them", "by", "region", "before", "an", "editor"),
    *("reads", "it", "aloud", "and", "files", "one", "copy", "under", "its", "year", "for", "later", "use"),
)


@dataclass(frozen=True)
class Mix:
    seed: int
    context_words: int = 0
    """Before each task."""
    shared: float = 0.0
    """The share of them with which all requests begin."""

    def prompt(self, number: int) -> str:
        """Of the request of this number, the same in every process."""
        own = random.Random(f"{self.seed} {number}")
        alike = round(self.context_words * self.shared)
        before = _context(random.Random(self.seed), alike)
        salt = f"Note {own.getrandbits(64):016x}"
        after = _context(own, self.context_words - alike)
        return "\n".join(filter(None, [before, f"{salt}: {after}".removesuffix(": "), PROMPTS[number % len(PROMPTS)]]))


def _context(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(_WORDS, k=words))
