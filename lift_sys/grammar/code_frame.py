"""The frame around code: raw source between two fences, since source in a JSON string is worse source.

The opening fence stands at the end of the prompt, with whatever is known of the answer: so the known is exact, it costs
no token, all variations share it in the prefix cache, and one grammar serves every request. The grammar holds what
follows: lines of which none begins with a backtick, then the closing fence. Source cannot contain that by accident.
"""

from lift_sys.grammar.bound import STOP_TOKENS, worst_case
from lift_sys.grammar.characters import BEYOND_ASCII, LONGEST_CHARACTER_BYTES, printable_except
from lift_sys.grammar.tree import Grammar, Lines, Sequence, Text
from lift_sys.outputs import Refused

CODE, PLANNED_CODE = "code", "planned_code"
OPENING_FENCE = "```python\n"
_CLOSING_FENCE = "\n```"

_ANY = rf"(\t|{printable_except('')}|{BEYOND_ASCII})"
_LINE = rf"(\t|{printable_except('`')}|{BEYOND_ASCII}){_ANY}*"


def opening(code: str = "") -> str:
    """How an answer begins: the fence, and the code that is known of it, in whole lines."""
    return OPENING_FENCE + code


def code_grammar(max_tokens: int) -> Grammar:
    """What follows the opening, in at most `max_tokens` tokens."""
    return Grammar(CODE, _lines("body", max_tokens - STOP_TOKENS, _CLOSING_FENCE), max_tokens)


def planned_code_grammar(max_tokens: int, plan_tokens: int) -> Grammar:
    """A plan of at most `plan_tokens` tokens, the opening fence, and code; all in at most `max_tokens` tokens."""
    plan = _lines("plan", plan_tokens, f"\n{OPENING_FENCE}")
    code = _lines("body", max_tokens - plan_tokens - STOP_TOKENS, _CLOSING_FENCE)
    return Grammar(PLANNED_CODE, Sequence((plan, code)), max_tokens)


def source_of(answer: str) -> str:
    """The source in an answer, its opening included. An answer that was cut is read as far as it goes."""
    _, _, fenced = answer.rpartition(OPENING_FENCE)
    return fenced.removesuffix("```").removesuffix("\n")


def require_frame(answer: str) -> None:
    """Raises `Refused` unless the answer, its opening included, is as the grammars have it."""
    before, fence, rest = answer.partition(OPENING_FENCE)
    body, closing, behind = rest.partition("\n```")
    if not fence or not closing or behind:
        raise Refused("frame", "is not one block between two fences")
    if any(line.startswith("`") for line in f"{before}\n{body}".split("\n")):
        raise Refused("frame", "a line begins with a backtick")


def _lines(name: str, most: int, closing: str) -> Lines:
    """Lines that, with their closing, take at most `most` tokens."""
    spent = worst_case(Lines(name, _line(0), closing))
    return Lines(name, _line(most - spent), closing)


def _line(max_tokens: int) -> Text:
    return Text(_LINE, BEYOND_ASCII, LONGEST_CHARACTER_BYTES, max_tokens)
