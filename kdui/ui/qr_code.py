"""A QR code of a short text as an SVG: byte mode, error correction level M, versions 1 to 6 (ISO/IEC 18004:2015).

Sections 7.2 to 7.8 of the standard, for the versions whose blocks are all of one size: up to 106 bytes, an address with room.
"""

from collections.abc import Iterator
from functools import cache

# Version: blocks, data bytes of a block, error correction bytes of a block (level M).
VERSIONS = {1: (1, 16, 10), 2: (1, 28, 16), 3: (1, 44, 26), 4: (2, 32, 18), 5: (2, 43, 24), 6: (4, 27, 16)}
LEVEL_M = 0b00
FORMAT_GENERATOR, FORMAT_MASK = 0b10100110111, 0b101010000010010
QUIET = 4  # empty modules around it
Matrix = list[list[int]]

MASKS = (
    lambda row, column: (row + column) % 2 == 0,
    lambda row, column: row % 2 == 0,
    lambda row, column: column % 3 == 0,
    lambda row, column: (row + column) % 3 == 0,
    lambda row, column: (row // 2 + column // 3) % 2 == 0,
    lambda row, column: row * column % 2 + row * column % 3 == 0,
    lambda row, column: (row * column % 2 + row * column % 3) % 2 == 0,
    lambda row, column: ((row + column) % 2 + row * column % 3) % 2 == 0,
)


@cache
def qr_svg(text: str) -> str:
    """The code in black on white, whatever the theme: cameras want it so. Raises ValueError for a text that is too long."""
    matrix = qr_matrix(text)
    side = len(matrix) + 2 * QUIET
    squares = "".join(
        f"M{column + QUIET} {row + QUIET}h1v1h-1z" for row, line in enumerate(matrix) for column, dark in enumerate(line) if dark
    )
    return (
        f'<svg class="qr" viewBox="0 0 {side} {side}" role="img" aria-label="QR code of the join link" '
        'shape-rendering="crispEdges">'
        f'<rect width="{side}" height="{side}" fill="#fff"/><path d="{squares}" fill="#000"/></svg>'
    )


def qr_matrix(text: str) -> Matrix:
    """Rows of modules, 1 for dark; of the eight masks the one with the fewest penalty points."""
    data = text.encode()
    version = next((each for each, (blocks, size, _) in VERSIONS.items() if len(data) + 2 <= blocks * size), None)
    if version is None:
        raise ValueError(f"{len(data)} bytes are too many for a QR code of version 6")
    modules, fixed = _frame(version)
    _place(modules, fixed, _codewords(data, version))
    return min((_masked(modules, fixed, mask) for mask in range(len(MASKS))), key=_penalty)


def _codewords(data: bytes, version: int) -> list[int]:
    """Mode, length, data and padding in blocks, with their error correction, both interleaved."""
    blocks, size, corrections = VERSIONS[version]
    bits = f"{0b0100:04b}{len(data):08b}" + "".join(f"{byte:08b}" for byte in data) + "0000"
    words = [int(bits[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(bits), 8)]
    words += [(0xEC, 0x11)[at % 2] for at in range(blocks * size - len(words))]
    words = words[: blocks * size]
    parts = [words[at * size : (at + 1) * size] for at in range(blocks)]
    checks = [_remainder(part, corrections) for part in parts]
    return [word for column in zip(*parts, strict=True) for word in column] + [
        word for column in zip(*checks, strict=True) for word in column
    ]


def _multiply(left: int, right: int) -> int:
    """In GF(256) modulo x^8 + x^4 + x^3 + x^2 + 1."""
    product = 0
    for _ in range(8):
        product ^= left * (right & 1)
        right >>= 1
        left = (left << 1) ^ (0x11D if left & 0x80 else 0)
    return product


def _remainder(data: list[int], count: int) -> list[int]:
    """Reed-Solomon check bytes of a block."""
    generator, root = [1], 1
    for _ in range(count):
        shifted = [*generator, 0]
        scaled = [0, *(_multiply(each, root) for each in generator)]
        generator = [one ^ other for one, other in zip(shifted, scaled, strict=True)]
        root = _multiply(root, 2)
    rest = [*data, *[0] * count]
    for at in range(len(data)):
        factor = rest[at]
        for place, each in enumerate(generator):
            rest[at + place] ^= _multiply(each, factor)
    return rest[len(data) :]


def _frame(version: int) -> tuple[Matrix, list[list[bool]]]:
    """Finder, timing and alignment patterns, and which modules are no data."""
    side = 17 + 4 * version
    modules = [[0] * side for _ in range(side)]
    fixed = [[False] * side for _ in range(side)]

    def put(row: int, column: int, dark: int) -> None:
        if 0 <= row < side and 0 <= column < side:
            modules[row][column], fixed[row][column] = dark, True

    for at in range(side):
        for row, column in ((6, at), (at, 6)):
            put(row, column, (at + 1) % 2)
    for top, left in ((0, 0), (0, side - 7), (side - 7, 0)):
        for row in range(-1, 8):
            for column in range(-1, 8):
                ring = max(abs(row - 3), abs(column - 3))
                put(top + row, left + column, int(ring in (0, 1, 3)))
    if version > 1:
        for row in range(-2, 3):
            for column in range(-2, 3):
                put(side - 7 + row, side - 7 + column, int(max(abs(row), abs(column)) != 1))
    for row, column in _format_places(side):
        put(row, column, 0)
    put(side - 8, 8, 1)
    return modules, fixed


def _format_places(side: int) -> list[tuple[int, int]]:
    """Where the fifteen bits of the format stand, the least significant first, in both copies."""
    beside = [(row, 8) for row in (0, 1, 2, 3, 4, 5, 7, 8)] + [(8, column) for column in (7, 5, 4, 3, 2, 1, 0)]
    apart = [(8, side - 1 - at) for at in range(8)] + [(side - 7 + at, 8) for at in range(7)]
    return beside + apart


def _place(modules: Matrix, fixed: list[list[bool]], words: list[int]) -> None:
    """Bits from the lower right corner upwards in pairs of columns, alternately down and up."""
    bits = iter([word >> shift & 1 for word in words for shift in range(7, -1, -1)])
    for row, column in _path(len(modules)):
        if not fixed[row][column]:
            modules[row][column] = next(bits, 0)


def _path(side: int) -> Iterator[tuple[int, int]]:
    columns = [column for column in range(side - 1, 0, -2) if column > 6] + [5, 3, 1]
    for turn, right in enumerate(columns):
        for row in range(side) if turn % 2 else range(side - 1, -1, -1):
            yield row, right
            yield row, right - 1


def _masked(modules: Matrix, fixed: list[list[bool]], mask: int) -> Matrix:
    """The code with one mask and the format that names it."""
    side = len(modules)
    result = [
        [dark ^ (not fixed[row][column] and MASKS[mask](row, column)) for column, dark in enumerate(line)]
        for row, line in enumerate(modules)
    ]
    value = (LEVEL_M << 3 | mask) << 10
    rest = value
    for shift in range(4, -1, -1):
        if rest >> (shift + 10):
            rest ^= FORMAT_GENERATOR << shift
    bits = (value | rest) ^ FORMAT_MASK
    for at, (row, column) in enumerate(_format_places(side)):
        result[row][column] = bits >> at % 15 & 1
    return result


def _penalty(matrix: Matrix) -> int:
    """Points for long runs, blocks, patterns like a finder and an uneven share of dark modules."""
    side = len(matrix)
    lines = ["".join(map(str, map(int, line))) for line in [*matrix, *zip(*matrix, strict=True)]]
    points = 0
    for line in lines:
        points += sum(len(run) - 2 for kind in "01" for run in line.split("10"[int(kind)]) if len(run) >= 5)
        points += 40 * sum(line.startswith(pattern, at) for pattern in ("10111010000", "00001011101") for at in range(side - 10))
    for row in range(side - 1):
        for column in range(side - 1):
            four = matrix[row][column] + matrix[row][column + 1] + matrix[row + 1][column] + matrix[row + 1][column + 1]
            points += 3 * (four in (0, 4))
    dark = sum(map(sum, matrix))
    return points + 10 * (abs(20 * dark - 10 * side * side) // (side * side))
