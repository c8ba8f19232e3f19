"""The closed set of grammars that an engine holds, and whether their worst cases fit it."""

from collections.abc import Sequence
from pathlib import Path

from deployments.settings import Settings
from lift_sys.grammar.bound import BoundExceeded, require_fit
from lift_sys.grammar.code_frame import code_grammar, planned_code_grammar
from lift_sys.grammar.tree import Grammar
from lift_sys.ir_stage import ir_grammar
from schemas.wire import LONGEST_TOKEN_CHARS


def grammars_of(settings: Settings) -> tuple[Grammar, ...]:
    code = settings.code
    planned = [planned_code_grammar(code.max_tokens, code.plan_tokens)] if code.plan_tokens else []
    return ir_grammar(settings.ir.max_tokens), code_grammar(code.max_tokens), *planned


def require_all_fit(grammars: Sequence[Grammar], folder: Path, context_tokens: int) -> None:
    """Raises `BoundExceeded` for the first grammar whose longest answer does not fit, by the tokenizer in a folder."""
    from lift_sys.proof.vocabulary import load  # brings torch, which only those need who check

    vocabulary = load(folder)
    if vocabulary.longest_bytes > LONGEST_TOKEN_CHARS:
        raise BoundExceeded(
            f"a token of {folder.name} spells {vocabulary.longest_bytes} bytes; the public schemas' lengths are made "
            f"for {LONGEST_TOKEN_CHARS}: see LONGEST_TOKEN_CHARS in schemas/wire.py"
        )
    for grammar in grammars:
        require_fit(grammar, context_tokens, vocabulary.most_tokens)
