"""Attacks by the text itself: no program, another Python's, too long or too deep, or one that looks like another."""

from lift_sys.audit.attacks.attack import REFUSED, table

_REFUSED = {
    "a NUL": ("parse", "def f(): return '\0'"),
    "half a character in the source": ("parse", "def f(): return '\ud800'"),
    "nothing": ("signature", ""),
    "blanks": ("signature", " \n\t\n"),
    "ten megabytes": ("parse", "def f():\n    return 'escaped'\n" + "#" * 10**7),
}

_NO_PROGRAM = {
    "not Python": ("parse", "def f(:"),
    "a fence": ("parse", "```python\ndef f(): ...\n```"),
    "prose": ("parse", "Sure! Here is the function that you asked for:\n\ndef f(): ..."),
    "a statement of Python 2": ("parse", "def f():\n    print 'escaped'"),
    "an exception of Python 2": ("parse", "def f():\n    try: pass\n    except ValueError, e: return 'escaped'"),
    "a number of Python 2": ("parse", "def f():\n    return 0777"),
    "an operator of Python 2": ("parse", "def f():\n    return 1 <> 2"),
    "a keyword for a name": ("parse", "async = 1\ndef f(): ..."),
    "a match of nothing": ("parse", "def f():\n    match 1:\n        pass"),
    "a return outside": ("parse", "return 1\ndef f(): ..."),
    "an await outside": ("parse", "def f():\n    await f()"),
    "two arguments of one name": ("parse", "def f(a, a): ..."),
    "a nonlocal of nobody": ("parse", "def f():\n    nonlocal x"),
    "tabs and blanks": ("parse", "def f():\n\tif 1:\n        return 'escaped'\n"),
    "a line that goes on to nothing": ("parse", "def f():\n    return 'escaped' \\"),
    "a text without an end": ("parse", "def f():\n    return '''escaped"),
    "an escape of no character": ("parse", "def f():\n    return '\\N{no such character}'"),
    "a number with too many digits": ("parse", f"def f():\n    return {'9' * 5000}"),
    "a direction of writing for a name": ("parse", "def f():\n    \u202ex = 1"),
    "a blank without width": ("parse", "def f():\n    return\u200b 'escaped'"),
    "curly quotes": ("parse", "def f():\n    return \u2018escaped\u2019"),
    "200,001 characters, of which most are blank": ("parse", "def f(): return (" + " " * 199_000),
    "10,000 brackets": ("parse", f"def f(): return {'(' * 10_000}{')' * 10_000}"),
    "10,000 brackets that never close": ("parse", f"def f(): return {'[{(' * 10_000}"),
    "10,000 minus signs": ("parse|limits", f"def f(): return {'-' * 10_000}1"),
    "10,000 calls": ("parse|limits|raised .*", f"def f(): return f{'()' * 10_000}"),
    "10,000 sums": ("parse|limits|[0-9]+", f"def f(): return 1{'+1' * 10_000}"),
    "10,000 attributes": ("parse|limits|raised .*", f"def f(): return f{'.a' * 10_000}"),
    "200 blocks": (
        "parse",
        "def f():\n" + "".join(f"{' ' * depth}if 1:\n" for depth in range(1, 200)) + " " * 200 + "return 'escaped'",
    ),
    "1,000 lambdas": ("parse|limits|raised .*|.*object.*", f"def f(): return {'lambda: ' * 1_000}1"),
    "brackets that take long to refuse": ("parse", "def f(): return " + "{" * 60 + ":"),
    "texts within texts": ("parse|'1'|raised .*", "def f(): return " + "f'{f\"{" * 30 + "1" + "}\"}'" * 30),
    "a maze of names": (
        "parse|import|limits",
        "\n".join(f"a{i} = a{(i * 7 + 1) % 3000}, a{(i * 13 + 5) % 3000}" for i in range(3_000)) + "\ndef f(): ...",
    ),
    "1,000 arguments": (
        "raised TypeError|parse",
        f"def f({', '.join(f'a{i}' for i in range(1_000))}): return 'escaped'",
    ),
}

_OTHER_MEANING = {
    "a mark at the beginning": ("'held'|parse", "\ufeffdef f():\n    return 'held'"),
    "form feeds": ("'held'", "\f\fdef f():\n\f    return 'held'"),
    "lines that end as others do": ("'held'", "def f():\r    return 'held'\r"),
    "an encoding that hides code": ("'held'", "# -*- coding: utf-7 -*-\ndef f():\n    return 'held' # +AAo-return 1"),
    "a comment that looks like code": (
        "'held'",
        "def f():\n    # \u202e\u2066 return 'escaped'\n    return 'held'",
    ),
    "a return that looks like a comment": (
        "'held'",
        "def f():\n    '''\u2067 '''; return 'held'\n    return 'escaped'",
    ),
    "a name of the same look": ("signature", "def \u0192():\n    return 'escaped'"),
    "a name that is the same in another script": ("'held'", "def \uff46():\n    return 'held'"),
    "a function defined twice": ("'held'", "def f():\n    return 'escaped'\ndef f():\n    return 'held'"),
    "a function taken away": ("signature", "def f():\n    return 'escaped'\ndel f"),
    "a function only for others": ("signature", "if __name__ == '__main__':\n    def f():\n        return 'escaped'"),
    "a very long line": ("'held'", f"def f(): return {' ' * 190_000}'held'"),
    "a very long name": ("'held'", f"{'a' * 190_000} = 1\ndef f():\n    return 'held'"),
    "5,000 lines": ("'held'", "x = 1\n" * 5_000 + "def f():\n    return 'held'"),
    "a type of a later Python": ("'held'|parse", "type A = int\ndef f():\n    return 'held'"),
    "quotes of a later Python": ("'held'|parse", "def f():\n    return f'{f'held'}'"),
}

ATTACKS = (
    *table("text", _REFUSED, levels=REFUSED),
    *table("text", _NO_PROGRAM),
    *table("text", _OTHER_MEANING),
)
