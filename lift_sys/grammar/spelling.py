"""A grammar as text: EBNF for XGrammar, Lark for llguidance.

Free text gets a rule of its own wherever it is used, though many would be alike: what follows a rule that is used once
is known when the grammar is compiled, so XGrammar can say beforehand of nearly every token whether it may end the text.
With shared rules it has to try thousands of tokens at each step.
"""

import json
import re
from typing import Protocol

from lift_sys.grammar.tree import Array, Fixed, Leaf, Lines, Node, Object, OneOf, Pattern, Rule, Sequence, Text, keys

Rules = dict[str, str]


class Dialect(Protocol):
    header: str
    root: str
    defines: str

    def name(self, path: str) -> str:
        """A rule's name, from a path such as `Intent.summary`."""

    def regex(self, pattern: str) -> str: ...

    def text(self, path: str, node: Text, rules: Rules) -> str:
        """An expression for free text within its budget; adds the rules it needs."""

    def lines(self, path: str, node: Lines, rules: Rules) -> str: ...


class _Ebnf:
    """Budgets count tokens.

    A budget can run out within a character or an escape. XGrammar 0.2.7 then lifts it until the text can end, and a
    model that opens an escape with the token that closes the last one (two backslashes do both) is never stopped. So
    the unit that straddles the end stands outside of the budget, in a rule of its own.
    """

    header = ""
    root = "root"
    defines = " ::= "

    def name(self, path: str) -> str:
        return path

    def regex(self, pattern: str) -> str:
        return f"Regex({json.dumps(pattern)})"

    def text(self, path: str, node: Text, rules: Rules) -> str:
        return self._budgeted(f"{path}.text", _or_nothing(node.regex), node, rules)

    def lines(self, path: str, node: Lines, rules: Rules) -> str:
        return f"{self._budgeted(node.name, _several(node.line.regex), node.line, rules)} {json.dumps(node.closing)}"

    def _budgeted(self, name: str, regex: str, text: Text, rules: Rules) -> str:
        rules[f"{name}[max_tokens={text.max_tokens}]"] = self.regex(regex)
        rules[f"{name}.last"] = self.regex(_or_nothing(text.unit))
        return f"{name} {name}.last"


class _Lark:
    """Budgets count bytes, of which no tokenizer needs more than one token each.

    llguidance 1.9.1 can count tokens too, but ends a text wherever the budget does, within a character or an escape.
    """

    header = '%llguidance {"allow_invalid_utf8": true}\n'  # or a count of bytes is refused; `(?u:…)` forbids it again
    root = "start"
    defines = ": "

    def name(self, path: str) -> str:
        return re.sub(r"\W", "_", path).lower()

    def regex(self, pattern: str) -> str:
        return "/(?u:" + pattern.replace("/", r"\/") + ")/"

    def text(self, path: str, node: Text, rules: Rules) -> str:
        return self._bounded(f"{path}.text", _or_nothing(node.regex), node.max_tokens, rules)

    def lines(self, path: str, node: Lines, rules: Rules) -> str:
        """With the closing in one lexeme: by itself the lines' would swallow the line break that the closing has."""
        most = node.line.max_tokens + len(node.closing)
        closing = node.closing.replace("\n", r"\n")
        return self._bounded(node.name, _several(node.line.regex) + closing, most, rules)

    def _bounded(self, path: str, regex: str, most_bytes: int, rules: Rules) -> str:
        name = self.name(path).upper()
        rules[name] = f"{self.regex(regex)} & /(?s-u:.){{0,{most_bytes}}}/"
        return name


def _or_nothing(regex: str) -> str:
    return f"({regex}|)"  # not `(…)?`: of `(ab*)?` XGrammar 0.2.7 makes `(ab*|b*)`


def _several(line: str) -> str:
    line = _or_nothing(line)
    return rf"{line}(\n{line})*"


EBNF, LARK = _Ebnf(), _Lark()


def spell(root: Node, dialect: Dialect) -> str:
    """The rules, each on its line, the root first."""
    rules = {dialect.root: ""}
    rules[dialect.root] = _expression(root, dialect.root, rules, dialect)
    return dialect.header + "".join(f"{name}{dialect.defines}{rule}\n" for name, rule in rules.items())


def _expression(node: Node, path: str, rules: Rules, dialect: Dialect) -> str:
    def below(part: Node, where: str = path) -> str:
        return _expression(part, where, rules, dialect)

    match node:
        case OneOf(options):
            return "(" + " | ".join(below(option, f"{path}.{index}") for index, option in enumerate(options)) + ")"
        case Sequence(parts):
            return " ".join(map(below, parts))
        case Object(members):
            values = [below(value, f"{path}.{key}") for key, value in members]
            pairs = zip(map(json.dumps, keys(node)), values, strict=True)
            return " ".join(f"{key} {value}" for key, value in pairs) + ' "}"'
        case Array(item, least, most):
            one = below(item if isinstance(item, Rule) else Rule(f"{path}.item", item))
            return _brackets(f'{one} ("," {one}){{{max(least - 1, 0)},{most - 1}}}', may_be_empty=not least)
        case Rule(called, inner):
            name = dialect.name(called)
            if name not in rules:
                rules[name] = ""  # keeps the order of first use
                rules[name] = below(inner, called)
            return name
        case _:
            return _leaf(node, path, rules, dialect)


def _leaf(leaf: Leaf, path: str, rules: Rules, dialect: Dialect) -> str:
    match leaf:
        case Fixed(text):
            return json.dumps(text)
        case Pattern(regex):
            rules[dialect.name(path)] = dialect.regex(regex)
            return dialect.name(path)
        case Text():
            return dialect.text(path, leaf, rules)
        case Lines():
            return dialect.lines(path, leaf, rules)


def _brackets(items: str, may_be_empty: bool) -> str:
    return f'"[" ({items})? "]"' if may_be_empty else f'"[" {items} "]"'
