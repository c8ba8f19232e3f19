r"""Classes of characters, as regular expressions that XGrammar and llguidance read alike.

XGrammar 0.2.7 spells a class of several ranges beyond ASCII, or a negated one, wrongly in bytes: it then admits
surrogates and overlong forms, and after the byte ED it admits nothing at all. A class of one range is right unless the
range goes over U+D000; hence the seam there.
"""

_RANGES = (0x80, 0x7FF), (0x800, 0xCFFF), (0xD000, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x10FFFF)

BEYOND_ASCII = "|".join(rf"[\u{{{first:x}}}-\u{{{last:x}}}]" for first, last in _RANGES)
"""Every character beyond ASCII, as alternatives without brackets around them."""
LONGEST_CHARACTER_BYTES = 4


def printable_except(excluded: str) -> str:
    """A class of ASCII from blank to tilde without some of them."""
    kept = (c for c in map(chr, range(0x20, 0x7F)) if c not in excluded)
    return "[" + "".join(rf"\x{ord(c):02x}" for c in kept) + "]"
