"""How numbers are written: one place for the terminal, the report and the notebook."""

from __future__ import annotations

from math import floor, isfinite, log10

MISSING = "–"
# No-break space: a number stays with its unit.
NB = "\u00a0"
_FEWEST, _MOST = 2, 4


def half_width(value: float, low: float, high: float) -> float:
    """The longer arm of an interval, so that ± never claims more than the interval does."""
    return max(value - low, high - value, 0.0)


def decimals(half: float | None) -> int:
    """Decimals that an interval of this half-width supports: one significant digit, two when it begins with 1.

    At least 2 (a share in percent), at most 4. Three where no interval is known.
    """
    if half is None or not isfinite(half):
        return 3
    if half < 10.0**-_MOST:
        return _MOST
    exponent = floor(log10(half))
    needed = -exponent + (half / 10.0**exponent < 2)
    return min(max(needed, _FEWEST), _MOST)


def _fixed(value: float, digits: int) -> str:
    # Only a perfect score is written as one, only an empty one as zero.
    unit = 10.0**-digits
    if 0 < value < 1:
        value = min(max(value, unit), 1 - unit)
    text = f"{value:.{digits}f}"
    return text[1:] if text.startswith("0.") else text


def share(value: float | None, half: float | None = None, digits: int | None = None) -> str:
    """A share in [0, 1]: ``.984 ± .003``, or ``.984`` where no half-width is given.

    Args:
        value: the share, or None where there is none.
        half: half-width of its interval.
        digits: decimals; by default those that the interval supports.
    """
    if value is None or not isfinite(value):
        return MISSING
    digits = decimals(half) if digits is None else digits
    if half is None or not isfinite(half):
        return _fixed(value, digits)
    return f"{_fixed(value, digits)} ± {_fixed(half, digits)}"


def percent(value: float, half: float | None = None, digits_of: float | None = None) -> str:
    """A share as a percentage with the digits its interval supports: ``98.4 ± 0.3 %``, ``87.2 %``.

    `digits_of` is an interval's half-width that gives the digits and is not written.
    """
    digits = max(decimals(half if digits_of is None else digits_of) - 2, 0)
    unit = 10.0 ** -(digits + 2)
    if 0 < value < 1:
        value = min(max(value, unit), 1 - unit)
    text = f"{100 * value:.{digits}f}"
    if half is not None:
        text += f" ± {100 * max(half, unit if half > 0 else 0):.{digits}f}"
    return f"{text}{NB}%".replace(" ± ", f"{NB}±{NB}")


def round_percent(value: float) -> str:
    """A share as a whole percentage: ``12 %``; ``under 1 %`` and ``over 99 %`` where it would round to none or all."""
    if 0 < value < 0.005:
        return f"under 1{NB}%"
    if 0.995 < value < 1:
        return f"over 99{NB}%"
    return f"{100 * value:.0f}{NB}%"


def count(n: int | None) -> str:
    """A count in at most five characters: 812, 9,610, 44k, 1.6M, 2.3G."""
    if n is None:
        return MISSING
    if abs(n) < 10_000:
        return f"{n:,}"
    for size, letter in ((1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T")):
        scaled = n / size
        if abs(scaled) < 9.95:
            return f"{scaled:.1f}{letter}"
        if abs(scaled) < 999.5:
            return f"{scaled:.0f}{letter}"
    return f"{n:.1e}"


def whole(n: int | None) -> str:
    """A count in full, with commas."""
    return MISSING if n is None else f"{n:,}"


def number(x: float | None) -> str:
    """A measured quantity in two significant digits: 0.012, 1.2, 12, 120, 1,240."""
    if x is None or not isfinite(x):
        return MISSING
    if abs(x) < 0.0095:
        return "0" if x == 0 else "<0.01"
    if abs(x) < 0.095:
        return f"{x:.2f}"
    if abs(x) < 9.95:
        return f"{x:.1f}"
    return f"{x:,.0f}"


def loss(x: float | None) -> str:
    """A log-loss: 0.051, 2.30, 14.2."""
    if x is None or not isfinite(x):
        return MISSING
    if x < 0.9995:
        return f"{x:.3f}"
    return f"{x:.2f}" if x < 9.995 else f"{x:.1f}"


def seconds(x: float) -> str:
    """A time for people: under 0.1 s, 0.8 s, 12 s, 2 min 5 s, 1 h 12 min."""
    if x < 0.095:
        return f"under 0.1{NB}s"
    if x < 9.95:
        return f"{x:.1f}{NB}s"
    whole_seconds = round(x)
    if whole_seconds < 60:
        return f"{whole_seconds}{NB}s"
    minutes, rest = divmod(whole_seconds, 60)
    if minutes < 60:
        return f"{minutes}{NB}min" + (f" {rest}{NB}s" if rest else "")
    hours, minutes = divmod(round(x / 60), 60)
    return f"{hours}{NB}h" + (f" {minutes}{NB}min" if minutes else "")


def listing(names: list[str], last: str = "and", most: int = 4) -> str:
    """Names in a sentence: ``a``, ``a and b``, ``a, b and c``, ``a, b, c, d and 3 others``."""
    shown = names[:most]
    rest = len(names) - len(shown)
    if rest:
        shown = [*shown, f"{rest} other{'s' if rest > 1 else ''}"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} {last} {shown[-1]}"
