"""What it costs to pin a function's name in the grammar, a new grammar a request, rather than in the prompt.

In the prompt the name stands in the answer's opening, and the one grammar for all requests is compiled at start.
"""

import statistics
import time

import xgrammar

from lift_sys.grammar.code_frame import code_grammar, opening
from lift_sys.grammar.spelling import EBNF, spell
from lift_sys.grammar.tree import Fixed, Sequence
from lift_sys.proof.vocabulary import Vocabulary
from schemas.wire import Wire


class Pinning(Wire):
    names: int
    first_ms: float
    """To compile the first grammar with a name in it."""
    each_ms: float
    """Median of the others."""
    kept_bytes_each: float
    """What XGrammar's compiler keeps of each; SGLang, which holds every compiled grammar, keeps no less."""


def measure(vocabulary: Vocabulary, names: int) -> Pinning:
    compiler = xgrammar.GrammarCompiler(vocabulary.info)
    frame = code_grammar(512).root
    times, sizes = [], [compiler.get_cache_size_bytes()]
    for index in range(names):
        pinned = Sequence((Fixed(opening(f"import re\n\ndef function_{index}(x: int) -> int:\n")), frame))
        begun = time.perf_counter()
        compiler.compile_grammar(spell(pinned, EBNF))
        times.append((time.perf_counter() - begun) * 1e3)
        sizes.append(compiler.get_cache_size_bytes())
    return Pinning(
        names=names,
        first_ms=round(times[0], 3),
        each_ms=round(statistics.median(times[1:]), 3),
        kept_bytes_each=round((sizes[-1] - sizes[1]) / (names - 1)),
    )
