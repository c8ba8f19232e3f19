"""The worst case of a grammar: how many tokens the longest text can take, spelt as wastefully as a tokenizer allows.

A token that reaches over the border of two parts counts where it begins, so the sum over the parts is an upper bound.
"""

from collections.abc import Callable, Iterator

from lift_sys.grammar.tree import (
    Array,
    Fixed,
    Grammar,
    Leaf,
    Lines,
    Node,
    Object,
    OneOf,
    Pattern,
    Rule,
    Sequence,
    Text,
    keys,
)

MostTokens = Callable[[str], int]
"""The most tokens that may begin within a text."""
STOP_TOKENS = 1
_SHOWN = 4


class BoundExceeded(ValueError):
    """`BoundExceeded(message)`: the longest answer of a grammar does not fit what it is given."""


def one_a_byte(text: str) -> int:
    """The most that any tokenizer can need; what one with a token for each byte does need."""
    return len(text.encode())


def worst_case(node: Node, most: MostTokens = one_a_byte) -> int:
    """Tokens, without the one that ends an answer."""
    match node:
        case OneOf(options):
            return max(worst_case(option, most) for option in options)
        case Sequence(parts):
            return sum(worst_case(part, most) for part in parts)
        case Object(members):
            values = sum(worst_case(value, most) for _, value in members)
            return values + sum(most(before) for before in keys(node)) + most("}")
        case Array(item, _, times):
            return times * worst_case(item, most) + (times - 1) * most(",") + most("[") + most("]")
        case Rule(_, inner):
            return worst_case(inner, most)
        case _:
            return _worst_leaf(node, most)


def _worst_leaf(leaf: Leaf, most: MostTokens) -> int:
    match leaf:
        case Fixed(text):
            return most(text)
        case Pattern(_, characters):
            return characters
        case Text():
            return leaf.max_tokens + leaf.unit_bytes
        case Lines(_, line, closing):
            return _worst_leaf(line, most) + most(closing)


def require_fit(grammar: Grammar, context_tokens: int, most: MostTokens = one_a_byte) -> None:
    """Raises `BoundExceeded` that says by how much, and which fields are the largest."""
    needed = worst_case(grammar.root, most) + STOP_TOKENS
    if needed > grammar.max_tokens:
        largest = sorted(by_field(grammar.root, most), key=lambda field: -field[1])[:_SHOWN]
        raise BoundExceeded(
            f"{grammar.name}.max_tokens is {grammar.max_tokens}, and an answer can take {needed} tokens. "
            f"Raise it, or lower the budgets of the largest fields: {', '.join(f'{f} {n}' for f, n in largest)}"
        )
    if grammar.max_tokens >= context_tokens:
        raise BoundExceeded(
            f"{grammar.name}.max_tokens is {grammar.max_tokens}, which leaves no room for a prompt in "
            f"engine.context_tokens, {context_tokens}"
        )


def by_field(node: Node, most: MostTokens = one_a_byte, name: str = "", times: int = 1) -> Iterator[tuple[str, int]]:
    """Each field, with the tokens that its value can take in one answer; what stands between fields counts for none."""
    match node:
        case Rule(_, inner):
            yield from by_field(inner, most, name, times)
        case Object(members):
            for key, value in members:
                yield from by_field(value, most, f"{name}.{key}".removeprefix("."), times)
        case Array(item, _, several):
            yield from by_field(item, most, f"{name}[{several}]", times * several)
        case Sequence(parts) if not name:
            for part in parts:
                yield from by_field(part, most, name, times)
        case _:
            yield name or (node.name if isinstance(node, Lines) else "text"), times * worst_case(node, most)
