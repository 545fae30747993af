"""Numbers as people round them: half up, in whole numbers, since a float makes 62.5 a 62 and 6.45 a 6.4."""


def half_up(part: int, whole: int) -> int:
    """part / whole, both not negative, to the nearest whole number."""
    return (2 * part + whole) // (2 * whole)


def percent(part: int, whole: int) -> int:
    """What share `part` is of `whole`."""
    return half_up(100 * part, whole)


def one_decimal(part: int, whole: int) -> str:
    """part / whole as `6.5`."""
    units, tenths = divmod(half_up(10 * part, whole), 10)
    return f"{units}.{tenths}"
