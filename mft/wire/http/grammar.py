"""Rules of the grammar that several modules need, as text of regular expressions.

Repetitions of single characters are possessive, so that no input makes an expression go back over
what it has read. Those of groups are not, as Python before 3.11.5 has them wrong; there each round
begins with a character that nothing else begins with.
"""

from typing import Final

TOKEN: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"  # noqa: S105 - RFC 9110 5.6.2, and no secret
VALUE: Final = r"[^\x00-\x08\x0a-\x1f\x7f]*+"  # of a field, RFC 9110 5.5; without obs-fold
FIELD: Final = rf"({TOKEN}):[ \t]*+({VALUE})"  # one line without its end, RFC 9112 5
# RFC 9110 5.6.4
_PLAIN: Final = r'[^"\\\x00-\x08\x0a-\x1f\x7f]*+'
QUOTED: Final = rf'"{_PLAIN}(?:\\[^\x00-\x08\x0a-\x1f\x7f]{_PLAIN})*"'

# RFC 3986 3.2.2 and 3.2.3, without what no DNS name has: sub-delims, escapes, an empty port. The
# text is compared and shown, and may stand in a redirect.
AUTHORITY: Final = r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z._~\-]{1,255})(?::[0-9]{1,5})?"
